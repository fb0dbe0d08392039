package api

import (
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/internal/subject"
)

func TestEverySubjectHasItsRoute(t *testing.T) {
	for _, tt := range []struct {
		subject string
		want    Route
		answer  string
	}{
		{"INFO", Route{Endpoint: EndpointInfo}, "account_info_response"},
		{"STREAM.CREATE.S", Route{Endpoint: EndpointStreamCreate, Stream: "S"}, "stream_create_response"},
		{"STREAM.UPDATE.S", Route{Endpoint: EndpointStreamUpdate, Stream: "S"}, "stream_update_response"},
		{"STREAM.INFO.S", Route{Endpoint: EndpointStreamInfo, Stream: "S"}, "stream_info_response"},
		{"STREAM.NAMES", Route{Endpoint: EndpointStreamNames}, "stream_names_response"},
		{"STREAM.LIST", Route{Endpoint: EndpointStreamList}, "stream_list_response"},
		{"STREAM.DELETE.S", Route{Endpoint: EndpointStreamDelete, Stream: "S"}, "stream_delete_response"},
		{"STREAM.PURGE.S", Route{Endpoint: EndpointStreamPurge, Stream: "S"}, "stream_purge_response"},
		{"STREAM.MSG.GET.S", Route{Endpoint: EndpointMessageGet, Stream: "S"}, "stream_msg_get_response"},
		{"STREAM.MSG.DELETE.S", Route{Endpoint: EndpointMessageDelete, Stream: "S"}, "stream_msg_delete_response"},
		{"STREAM.SNAPSHOT.S", Route{Endpoint: EndpointStreamSnapshot, Stream: "S"}, "stream_snapshot_response"},
		{"STREAM.RESTORE.S", Route{Endpoint: EndpointStreamRestore, Stream: "S"}, "stream_restore_response"},
		{"STREAM.PEER.REMOVE.S", Route{Endpoint: EndpointPeerRemove, Stream: "S"}, "stream_remove_peer_response"},
		{"STREAM.PEER.EVACUATE.S", Route{Endpoint: EndpointPeerEvacuate, Stream: "S"}, "stream_remove_peer_response"},
		{"STREAM.CANCEL_MOVE.S", Route{Endpoint: EndpointCancelMove, Stream: "S"}, "stream_update_response"},
		{"STREAM.LEADER.STEPDOWN.S", Route{Endpoint: EndpointStreamStepDown, Stream: "S"}, "stream_leader_stepdown_response"},
		{"CONSUMER.CREATE.S", Route{Endpoint: EndpointConsumerCreate, Stream: "S"}, "consumer_create_response"},
		{"CONSUMER.CREATE.S.C", Route{Endpoint: EndpointConsumerCreate, Stream: "S", Consumer: "C"}, "consumer_create_response"},
		{"CONSUMER.CREATE.S.C.a.*.>", Route{Endpoint: EndpointConsumerCreate, Stream: "S", Consumer: "C", Filter: "a.*.>"}, "consumer_create_response"},
		{"CONSUMER.DURABLE.CREATE.S.C", Route{Endpoint: EndpointConsumerDurableCreate, Stream: "S", Consumer: "C"}, "consumer_create_response"},
		{"CONSUMER.DURABLE.CREATE.S", Route{Endpoint: EndpointConsumerDurableCreate, Stream: "S"}, "consumer_create_response"},
		{"CONSUMER.DURABLE.CREATE.S.C.f", Route{Endpoint: EndpointConsumerDurableCreate, Stream: "S", Filter: "C.f"}, "consumer_create_response"},
		{"CONSUMER.INFO.S.C", Route{Endpoint: EndpointConsumerInfo, Stream: "S", Consumer: "C"}, "consumer_info_response"},
		{"CONSUMER.NAMES.S", Route{Endpoint: EndpointConsumerNames, Stream: "S"}, "consumer_names_response"},
		{"CONSUMER.LIST.S", Route{Endpoint: EndpointConsumerList, Stream: "S"}, "consumer_list_response"},
		{"CONSUMER.DELETE.S.C", Route{Endpoint: EndpointConsumerDelete, Stream: "S", Consumer: "C"}, "consumer_delete_response"},
		{"CONSUMER.PAUSE.S.C", Route{Endpoint: EndpointConsumerPause, Stream: "S", Consumer: "C"}, "consumer_pause_response"},
		{"CONSUMER.UNPIN.S.C", Route{Endpoint: EndpointConsumerUnpin, Stream: "S", Consumer: "C"}, "consumer_unpin_response"},
		{"CONSUMER.RESET.S.C", Route{Endpoint: EndpointConsumerReset, Stream: "S", Consumer: "C"}, "consumer_reset_response"},
		{"CONSUMER.MSG.NEXT.S.C", Route{Endpoint: EndpointConsumerNext, Stream: "S", Consumer: "C"}, ""},
		{"CONSUMER.LEADER.STEPDOWN.S.C", Route{Endpoint: EndpointConsumerStepDown, Stream: "S", Consumer: "C"}, "consumer_leader_stepdown_response"},
		{"DIRECT.GET.S", Route{Endpoint: EndpointDirectGet, Stream: "S"}, ""},
		{"DIRECT.GET.S.a.b", Route{Endpoint: EndpointDirectGet, Stream: "S", Filter: "a.b"}, ""},
		{"META.LEADER.STEPDOWN", Route{Endpoint: EndpointMetaStepDown}, "meta_leader_stepdown_response"},
		{"SERVER.REMOVE", Route{Endpoint: EndpointServerRemove}, "meta_server_remove_response"},
		{"SERVER.EVACUATE", Route{Endpoint: EndpointServerEvacuate}, "meta_server_remove_response"},
		{"META.RESCUE", Route{Endpoint: EndpointMetaRescue}, "meta_rescue_response"},
		{"ACCOUNT.PURGE.A", Route{Endpoint: EndpointAccountPurge, Account: "A"}, "account_purge_response"},
		{"ACCOUNT.STREAM.MOVE.A.S", Route{Endpoint: EndpointAccountStreamMove, Account: "A", Stream: "S"}, "stream_update_response"},
		{"ACCOUNT.STREAM.CANCEL_MOVE.A.S", Route{Endpoint: EndpointAccountStreamCancelMove, Account: "A", Stream: "S"}, "stream_update_response"},
		// names that are verbs elsewhere
		{"STREAM.INFO.INFO", Route{Endpoint: EndpointStreamInfo, Stream: "INFO"}, "stream_info_response"},
		{"CONSUMER.CREATE.CREATE.MSG.NEXT", Route{Endpoint: EndpointConsumerCreate, Stream: "CREATE", Consumer: "MSG", Filter: "NEXT"}, "consumer_create_response"},
	} {
		route, ok := ParseSubject("$JS.API." + tt.subject)
		if !ok || route != tt.want {
			t.Errorf("%s: %+v %t", tt.subject, route, ok)
		}
		if got := route.Subject(); got != "$JS.API."+tt.subject {
			t.Errorf("%s became %s", tt.subject, got)
		}
		if got := strings.TrimPrefix(route.Endpoint.Type(), "io.nats.jetstream.api.v1."); got != tt.answer {
			t.Errorf("%s is answered by %q", tt.subject, got)
		}
	}
}

func TestOtherSubjectsHaveNone(t *testing.T) {
	for _, s := range []string{
		"", "$JS.API", "$JS.API.", "$JS.API.X", "$JS.API.STREAM", "$JS.API.STREAM.CREATE", "$JS.API.STREAM.CREATE.", "$JS.API.STREAM.CREATE.S.T",
		"$JS.API.INFO.S", "$JS.API.STREAM.NAMES.S", "$JS.API.CONSUMER.INFO.S", "$JS.API.CONSUMER.INFO.S.C.D", "$JS.API.CONSUMER.CREATE",
		"$JS.API.CONSUMER.CREATE.S..f", "$JS.API.DIRECT.GET", "$JS.API.stream.info.S", "$JS.D.API.INFO", "$JS.API.STREAM.MSG.GET", "$JS.APIINFO",
		"$JS.API.CONSUMER.DURABLE.CREATE", "$JS.API.META.LEADER.STEPDOWN.X", "$JS.API.ACCOUNT.STREAM.MOVE.A",
	} {
		if route, ok := ParseSubject(s); ok {
			t.Errorf("%q has the route %+v", s, route)
		}
	}
}

func TestTraitsOfEndpoints(t *testing.T) {
	var asks, inside, system, cluster []string
	for i := range len(endpoints) {
		e := Endpoint(i)
		for _, sort := range []struct {
			is   bool
			list *[]string
		}{{e.AsksOnly(), &asks}, {e.InAccount(), &inside}, {e.SystemOnly(), &system}, {e.ClusterOnly(), &cluster}} {
			if sort.is {
				*sort.list = append(*sort.list, e.String())
			}
		}
	}
	for _, tt := range []struct {
		got  []string
		want string
	}{
		{asks, "INFO STREAM.INFO STREAM.NAMES STREAM.LIST CONSUMER.INFO CONSUMER.NAMES CONSUMER.LIST"},
		{inside, "CONSUMER.RESET CONSUMER.MSG.NEXT DIRECT.GET"},
		{system, "META.LEADER.STEPDOWN SERVER.REMOVE SERVER.EVACUATE META.RESCUE ACCOUNT.PURGE ACCOUNT.STREAM.MOVE ACCOUNT.STREAM.CANCEL_MOVE"},
		{cluster, "STREAM.PEER.REMOVE STREAM.PEER.EVACUATE STREAM.CANCEL_MOVE STREAM.LEADER.STEPDOWN CONSUMER.LEADER.STEPDOWN META.LEADER.STEPDOWN SERVER.REMOVE SERVER.EVACUATE META.RESCUE ACCOUNT.STREAM.MOVE ACCOUNT.STREAM.CANCEL_MOVE"},
	} {
		if got := strings.Join(tt.got, " "); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	if e := Endpoint(200); e.String() != "unknown" || e.Type() != TypeSystem {
		t.Errorf("an endpoint that is none is %v, %s", e, e.Type())
	}
}

func FuzzParseSubject(f *testing.F) {
	for _, s := range []string{"$JS.API.CONSUMER.CREATE.S.C.f.>", "$JS.API.INFO", "$JS.API.DIRECT.GET.S.a..b", "$JS.D.API.$KV.B.x", "$JS.SNAPSHOT.ACK.S.id.10.1", "$JS.API.STREAM.MSG.GET.S"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if route, ok := ParseSubject(s); ok {
			if route.Subject() != s {
				t.Fatalf("%q became %q", s, route.Subject())
			}
			if route.Endpoint == EndpointUnknown {
				t.Fatalf("%q has no endpoint", s)
			}
		}
		if domain, mapped, ok := SplitDomain(s); ok {
			if !strings.HasPrefix(s, DomainPrefix(domain)+".") || subject.HasEmptyToken(mapped) != subject.HasEmptyToken(s) {
				t.Fatalf("%q is %q of %q", s, mapped, domain)
			}
		}
		if ack, ok := ParseChunkAck(s); ok && (ack.Index < 1 || ack.Size < 0 || ack.Stream == "" || ack.ID == "") {
			t.Fatalf("%q is %+v", s, ack)
		}
		if IsValidName(s) && subject.IsValidStrict(s) && !subject.IsValidLiteral(s) {
			t.Fatalf("%q is a name", s)
		}
		if IsValidGroup(s) && len(s) > MaxGroupLength {
			t.Fatalf("%q is a group", s)
		}
		if domain := (&ExternalStream{APIPrefix: s}).Domain(); strings.Contains(domain, ".") || domain != "" && !strings.HasPrefix(s, DomainPrefix(domain)) {
			t.Fatalf("%q has the domain %q", s, domain)
		}
		if p, err := SamplePercent(s); err == nil && (p < 0 || p > 100) {
			t.Fatalf("%q is %d percent", s, p)
		}
	})
}
