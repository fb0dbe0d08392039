package jetstream

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/broker"
	"github.com/godwit-mq/godwit/internal/jetstream/api"
)

// A request is one of the API.
type request struct {
	account *account
	route   api.Route
	header  []byte
	body    []byte
	reply   string
}

// A handler answers a request. An error becomes the error of the answer.
type handler func(r *request) (any, error)

var handlers = map[api.Endpoint]handler{
	api.EndpointInfo:                  (*request).accountInfo,
	api.EndpointStreamCreate:          (*request).streamCreate,
	api.EndpointStreamUpdate:          (*request).streamUpdate,
	api.EndpointStreamInfo:            (*request).streamInfo,
	api.EndpointStreamNames:           (*request).streamNames,
	api.EndpointStreamList:            (*request).streamList,
	api.EndpointStreamDelete:          (*request).streamDelete,
	api.EndpointStreamPurge:           (*request).streamPurge,
	api.EndpointMessageGet:            (*request).messageGet,
	api.EndpointMessageDelete:         (*request).messageDelete,
	api.EndpointStreamSnapshot:        (*request).streamSnapshot,
	api.EndpointStreamRestore:         (*request).streamRestore,
	api.EndpointConsumerCreate:        (*request).consumerCreate,
	api.EndpointConsumerDurableCreate: (*request).consumerCreate,
	api.EndpointConsumerInfo:          (*request).consumerInfo,
	api.EndpointConsumerNames:         (*request).consumerNames,
	api.EndpointConsumerList:          (*request).consumerList,
	api.EndpointConsumerDelete:        (*request).consumerDelete,
	api.EndpointConsumerPause:         (*request).consumerPause,
	api.EndpointConsumerUnpin:         (*request).consumerUnpin,
}

// receive takes a request, to be worked off in turn.
func (a *account) receive(_ *broker.Subscription, m *broker.Message) {
	route, ok := api.ParseSubject(m.Subject)
	r := &request{account: a, route: route, header: m.Header, body: m.Payload, reply: m.Reply}
	if !ok {
		r.answer(api.Response{Type: api.TypeSystem, Error: api.ErrBadRequest}, true)
		return
	}
	if !a.engine.later(r.serve) {
		r.answer(api.Response{Type: api.TypeOverloaded, Error: api.ErrStreamTooManyRequests}, true)
	}
}

// later has the worker do something, unless there is too much to do already.
func (e *Engine) later(fn func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.accounts == nil {
		return false
	}
	select {
	case e.requests <- fn:
		return true
	default:
		return false
	}
}

func (r *request) serve() {
	answer, err := r.handle()
	if err != nil {
		answer = failed(r.route.Endpoint, asError(err))
	}
	r.answer(answer, err != nil)
}

func (r *request) handle() (any, error) {
	// Who creates a consumer is told what is wrong with the request first.
	creates := r.route.Endpoint == api.EndpointConsumerCreate || r.route.Endpoint == api.EndpointConsumerDurableCreate
	if err := api.CheckLevel(r.header); err != nil && !creates {
		return nil, err
	}
	handle := handlers[r.route.Endpoint]
	switch {
	case handle != nil:
		return handle(r)
	case r.route.Endpoint.ClusterOnly():
		return nil, api.ErrClusterRequired
	}
	return nil, api.ErrBadRequest
}

// failed is an answer that is an error. Those with pages have them.
func failed(e api.Endpoint, err *api.Error) any {
	head := api.Response{Type: e.Type(), Error: err}
	switch e {
	case api.EndpointStreamNames:
		return api.StreamNamesResponse{Response: head}
	case api.EndpointStreamList:
		return api.StreamListResponse{Response: head, Streams: []*api.StreamInfo{}}
	case api.EndpointConsumerNames:
		return api.ConsumerNamesResponse{Response: head, Consumers: []string{}}
	case api.EndpointConsumerList:
		return api.ConsumerListResponse{Response: head, Consumers: []*api.ConsumerInfo{}}
	case api.EndpointStreamInfo:
		return api.StreamInfoResponse{Response: head}
	}
	return head
}

// asError is what is answered for an error.
func asError(err error) *api.Error {
	var known *api.Error
	if errors.As(err, &known) {
		return known
	}
	return api.NewStreamGeneralError(err)
}

func (r *request) answer(v any, failed bool) {
	r.account.total.Add(1)
	if failed {
		r.account.failed.Add(1)
	}
	if r.reply != "" {
		r.account.send(broker.Outgoing{Subject: r.reply, Payload: encode(v)})
	}
}

func (r *request) head() api.Response { return api.Response{Type: r.route.Endpoint.Type()} }

func (r *request) strict() bool { return !r.account.engine.options.Lenient }

func (r *request) decode(v any) error {
	ignored, err := api.Decode(r.body, v, r.strict())
	r.note(ignored)
	return err
}

func (r *request) decodeOptional(v any) error {
	ignored, err := api.DecodeOptional(r.body, v, r.strict())
	r.note(ignored)
	return err
}

func (r *request) decodeRequired(v any) error {
	ignored, err := api.DecodeRequired(r.body, v, r.strict())
	r.note(ignored)
	return err
}

func (r *request) note(ignored error) {
	if ignored != nil {
		r.account.engine.options.Log.Warnf("JetStream request %s: %v", r.route.Endpoint, ignored)
	}
}

// stream is the one that the request is about.
func (r *request) stream() (*streamAsset, error) {
	if s := r.account.find(r.route.Stream); s != nil {
		return s, nil
	}
	return nil, api.ErrStreamNotFound
}

func (r *request) accountInfo() (any, error) {
	a := r.account
	u := a.usage()
	tier := api.AccountTier{
		Memory: u.Memory, Storage: u.File, Streams: u.Streams, Consumers: u.Consumers,
		ReservedMemory: uint64(u.ReservedMemory), ReservedStorage: uint64(u.ReservedFile),
	}
	limits, _, err := a.tiers.Select(1)
	if err != nil {
		return nil, err
	}
	tier.Limits = limits
	info := &api.AccountInfo{AccountTier: tier}
	info.API = api.APIStatistics{Level: api.Level, Total: a.total.Load(), Errors: a.failed.Load()}
	return api.AccountInfoResponse{Response: r.head(), AccountInfo: info}, nil
}
