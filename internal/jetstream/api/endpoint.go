package api

import (
	"strings"

	"github.com/godwit-mq/godwit/internal/subject"
)

// An Endpoint is what a request asks for.
type Endpoint uint8

// The endpoints of the API.
const (
	EndpointUnknown Endpoint = iota
	EndpointInfo
	EndpointStreamCreate
	EndpointStreamUpdate
	EndpointStreamInfo
	EndpointStreamNames
	EndpointStreamList
	EndpointStreamDelete
	EndpointStreamPurge
	EndpointMessageGet
	EndpointMessageDelete
	EndpointStreamSnapshot
	EndpointStreamRestore
	EndpointPeerRemove
	EndpointPeerEvacuate
	EndpointCancelMove
	EndpointStreamStepDown
	EndpointConsumerCreate
	EndpointConsumerDurableCreate
	EndpointConsumerInfo
	EndpointConsumerNames
	EndpointConsumerList
	EndpointConsumerDelete
	EndpointConsumerPause
	EndpointConsumerUnpin
	EndpointConsumerReset
	EndpointConsumerNext
	EndpointConsumerStepDown
	EndpointDirectGet
	EndpointMetaStepDown
	EndpointServerRemove
	EndpointServerEvacuate
	EndpointMetaRescue
	EndpointAccountPurge
	EndpointAccountStreamMove
	EndpointAccountStreamCancelMove
)

// traits are what is known of an endpoint.
type traits uint8

const (
	// asksOnly: nothing changes, and such requests wait in a queue of their own.
	asksOnly traits = 1 << iota
	// inAccount: served where the request was made, not through the API's export.
	inAccount
	// systemOnly: for the system account.
	systemOnly
	// clusterOnly: makes sense in a cluster only.
	clusterOnly
)

// shape is what follows the verb in a subject: one letter per token, s for stream, c
// for consumer, a for account, and f for one token or more, the filter.
type shape string

type endpointInfo struct {
	verb   string
	shapes []shape
	answer string
	traits traits
}

var endpoints = [...]endpointInfo{
	EndpointUnknown:                 {answer: TypeSystem},
	EndpointInfo:                    {"INFO", []shape{""}, TypeAccountInfo, asksOnly},
	EndpointStreamCreate:            {"STREAM.CREATE", []shape{"s"}, TypeStreamCreate, 0},
	EndpointStreamUpdate:            {"STREAM.UPDATE", []shape{"s"}, TypeStreamUpdate, 0},
	EndpointStreamInfo:              {"STREAM.INFO", []shape{"s"}, TypeStreamInfo, asksOnly},
	EndpointStreamNames:             {"STREAM.NAMES", []shape{""}, TypeStreamNames, asksOnly},
	EndpointStreamList:              {"STREAM.LIST", []shape{""}, TypeStreamList, asksOnly},
	EndpointStreamDelete:            {"STREAM.DELETE", []shape{"s"}, TypeStreamDelete, 0},
	EndpointStreamPurge:             {"STREAM.PURGE", []shape{"s"}, TypeStreamPurge, 0},
	EndpointMessageGet:              {"STREAM.MSG.GET", []shape{"s"}, TypeMessageGet, 0},
	EndpointMessageDelete:           {"STREAM.MSG.DELETE", []shape{"s"}, TypeMessageDelete, 0},
	EndpointStreamSnapshot:          {"STREAM.SNAPSHOT", []shape{"s"}, TypeStreamSnapshot, 0},
	EndpointStreamRestore:           {"STREAM.RESTORE", []shape{"s"}, TypeStreamRestore, 0},
	EndpointPeerRemove:              {"STREAM.PEER.REMOVE", []shape{"s"}, TypeStreamRemovePeer, clusterOnly},
	EndpointPeerEvacuate:            {"STREAM.PEER.EVACUATE", []shape{"s"}, TypeStreamRemovePeer, clusterOnly},
	EndpointCancelMove:              {"STREAM.CANCEL_MOVE", []shape{"s"}, TypeStreamUpdate, clusterOnly},
	EndpointStreamStepDown:          {"STREAM.LEADER.STEPDOWN", []shape{"s"}, TypeStreamLeaderStepDown, clusterOnly},
	EndpointConsumerCreate:          {"CONSUMER.CREATE", []shape{"s", "sc", "scf"}, TypeConsumerCreate, 0},
	EndpointConsumerDurableCreate:   {"CONSUMER.DURABLE.CREATE", []shape{"sc", "s", "sf"}, TypeConsumerCreate, 0},
	EndpointConsumerInfo:            {"CONSUMER.INFO", []shape{"sc"}, TypeConsumerInfo, asksOnly},
	EndpointConsumerNames:           {"CONSUMER.NAMES", []shape{"s"}, TypeConsumerNames, asksOnly},
	EndpointConsumerList:            {"CONSUMER.LIST", []shape{"s"}, TypeConsumerList, asksOnly},
	EndpointConsumerDelete:          {"CONSUMER.DELETE", []shape{"sc"}, TypeConsumerDelete, 0},
	EndpointConsumerPause:           {"CONSUMER.PAUSE", []shape{"sc"}, TypeConsumerPause, 0},
	EndpointConsumerUnpin:           {"CONSUMER.UNPIN", []shape{"sc"}, TypeConsumerUnpin, 0},
	EndpointConsumerReset:           {"CONSUMER.RESET", []shape{"sc"}, TypeConsumerReset, inAccount},
	EndpointConsumerNext:            {"CONSUMER.MSG.NEXT", []shape{"sc"}, "", inAccount},
	EndpointConsumerStepDown:        {"CONSUMER.LEADER.STEPDOWN", []shape{"sc"}, TypeConsumerLeaderStepDown, clusterOnly},
	EndpointDirectGet:               {"DIRECT.GET", []shape{"s", "sf"}, "", inAccount},
	EndpointMetaStepDown:            {"META.LEADER.STEPDOWN", []shape{""}, TypeMetaLeaderStepDown, systemOnly | clusterOnly},
	EndpointServerRemove:            {"SERVER.REMOVE", []shape{""}, TypeMetaServerRemove, systemOnly | clusterOnly},
	EndpointServerEvacuate:          {"SERVER.EVACUATE", []shape{""}, TypeMetaServerRemove, systemOnly | clusterOnly},
	EndpointMetaRescue:              {"META.RESCUE", []shape{""}, TypeMetaRescue, systemOnly | clusterOnly},
	EndpointAccountPurge:            {"ACCOUNT.PURGE", []shape{"a"}, TypeAccountPurge, systemOnly},
	EndpointAccountStreamMove:       {"ACCOUNT.STREAM.MOVE", []shape{"as"}, TypeStreamUpdate, systemOnly | clusterOnly},
	EndpointAccountStreamCancelMove: {"ACCOUNT.STREAM.CANCEL_MOVE", []shape{"as"}, TypeStreamUpdate, systemOnly | clusterOnly},
}

// endpointsByVerb finds endpoints; no verb is the beginning of another one.
var endpointsByVerb = func() map[string]Endpoint {
	byVerb := make(map[string]Endpoint, len(endpoints))
	for e, info := range endpoints {
		if info.verb != "" {
			byVerb[info.verb] = Endpoint(e)
		}
	}
	return byVerb
}()

// verbTokens is the length of the longest verb.
const verbTokens = 3

func (e Endpoint) info() *endpointInfo {
	if int(e) >= len(endpoints) {
		return &endpoints[EndpointUnknown]
	}
	return &endpoints[e]
}

func (e Endpoint) is(t traits) bool { return e.info().traits&t != 0 }

// String is the verb: what follows "$JS.API." in subjects, without names.
func (e Endpoint) String() string {
	if verb := e.info().verb; verb != "" {
		return verb
	}
	return "unknown"
}

// Type is that of the answer; empty if the answer is messages, not JSON.
func (e Endpoint) Type() string { return e.info().answer }

// AsksOnly says that nothing changes: such requests wait in a queue of their own.
func (e Endpoint) AsksOnly() bool { return e.is(asksOnly) }

// InAccount says that requests are served in the account where they are made, not
// through the export of the API.
func (e Endpoint) InAccount() bool { return e.is(inAccount) }

// SystemOnly says that requests are for the system account.
func (e Endpoint) SystemOnly() bool { return e.is(systemOnly) }

// ClusterOnly says that a server alone cannot serve requests. It answers
// ErrClusterRequired, and nothing if they are for the system account.
func (e Endpoint) ClusterOnly() bool { return e.is(clusterOnly) }

// A Route is where a request goes, by its subject.
type Route struct {
	Endpoint Endpoint
	// Account, Stream and Consumer are the names in the subject.
	Account, Stream, Consumer string
	// Filter is the end of a subject that may have one: a subject with which a consumer
	// is made, or of which a message is wanted.
	Filter string
}

// ParseSubject finds the route of a request. It reports false for subjects that
// are none of the API, or have a wrong number of tokens, or an empty one.
//
// A request for a durable consumer without a name, or with too many tokens, is
// recognised all the same, and has no Consumer: there is an error for that.
func ParseSubject(name string) (Route, bool) {
	rest, ok := strings.CutPrefix(name, Prefix+".")
	if !ok || subject.HasEmptyToken(rest) {
		return Route{}, false
	}
	endpoint, names, ok := cutVerb(rest)
	if !ok {
		return Route{}, false
	}
	for _, s := range endpoint.info().shapes {
		if route, ok := s.match(names); ok {
			route.Endpoint = endpoint
			return route, true
		}
	}
	return Route{}, false
}

// cutVerb splits a subject behind its verb.
func cutVerb(rest string) (e Endpoint, names string, ok bool) {
	end := 0
	for range verbTokens {
		if dot := strings.IndexByte(rest[end:], '.'); dot >= 0 {
			end += dot
		} else {
			end = len(rest)
		}
		if e, ok = endpointsByVerb[rest[:end]]; ok {
			return e, strings.TrimPrefix(rest[end:], "."), true
		}
		if end == len(rest) {
			break
		}
		end++
	}
	return EndpointUnknown, "", false
}

// match takes names apart, one token for each letter.
func (s shape) match(names string) (r Route, ok bool) {
	for i := range len(s) {
		if names == "" {
			return Route{}, false
		}
		if s[i] == 'f' {
			r.Filter = names
			return r, true
		}
		var token string
		token, names, _ = strings.Cut(names, ".")
		switch s[i] {
		case 'a':
			r.Account = token
		case 's':
			r.Stream = token
		case 'c':
			r.Consumer = token
		}
	}
	return r, names == ""
}

// Subject is the subject of a request: the verb and the names that the route has.
func (r Route) Subject() string {
	var b strings.Builder
	b.WriteString(Prefix)
	for _, part := range []string{r.Endpoint.info().verb, r.Account, r.Stream, r.Consumer, r.Filter} {
		if part != "" {
			b.WriteByte('.')
			b.WriteString(part)
		}
	}
	return b.String()
}
