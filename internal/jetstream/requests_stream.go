package jetstream

import (
	"errors"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/jetstream/stream"
)

// errSourcing and others name what there is not.
var (
	errSourcing = errors.New("mirrors and sources are not supported yet")
	errArchive  = errors.New("backup and restore are not supported yet")
)

func (r *request) streamCreate() (any, error) {
	var asked api.StreamRequest
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	config, exists, err := api.CreateStream(r.route.Stream, &asked, r.account.world())
	switch {
	case err != nil:
		return nil, err
	case config.Mirror != nil || len(config.Sources) > 0:
		return nil, api.NewStreamInvalidConfig(errSourcing)
	}
	s := r.account.find(r.route.Stream)
	if !exists {
		if s, err = r.account.createStream(config); err != nil {
			return nil, api.NewStreamCreate(err)
		}
	}
	info, _, err := r.describe(s, &api.StreamInfoRequest{})
	return api.StreamCreateResponse{Response: r.head(), StreamInfo: info, DidCreate: true}, err
}

// describe is the information about a stream as it is answered.
func (r *request) describe(s *streamAsset, asked *api.StreamInfoRequest) (*api.StreamInfo, api.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	info, page, err := s.info(asked)
	if err != nil {
		return nil, page, err
	}
	info.Config = api.PresentStream(&info.Config, r.account.engine.options.Version)
	return info, page, nil
}

func (r *request) streamUpdate() (any, error) {
	var asked api.StreamRequest
	if err := r.decode(&asked); err != nil {
		return nil, err
	}
	s := r.account.find(r.route.Stream)
	var consumers []*api.ConsumerConfig
	if s != nil {
		consumers = s.consumerConfigs()
	}
	config, err := api.UpdateStream(r.route.Stream, &asked, r.account.world(), consumers)
	switch {
	case err != nil:
		return nil, err
	case config.Mirror != nil || len(config.Sources) > 0:
		return nil, api.NewStreamInvalidConfig(errSourcing)
	}
	if err := s.update(config); err != nil {
		return nil, api.NewStreamUpdate(err)
	}
	info, _, err := r.describe(s, &api.StreamInfoRequest{})
	return api.StreamUpdateResponse{Response: r.head(), StreamInfo: info}, err
}

func (s *streamAsset) consumerConfigs() (list []*api.ConsumerConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.consumers {
		list = append(list, c.config)
	}
	return list
}

// update changes the configuration, first in the catalog.
func (s *streamAsset) update(config *api.StreamConfig) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		if err := s.engine().catalog.Update(s.id, encode(config)); err != nil {
			return err
		}
	}
	old := s.saved
	if err := s.machine.Update(config, s.engine().now()); err != nil {
		return err
	}
	s.saved = config
	before := s.subs
	s.subscribe()
	if err := s.account.broker.Subscribe(s.subs...); err != nil {
		return err
	}
	s.account.broker.Unsubscribe(before...)
	if config.Retention != old.Retention && config.Retention != api.RetentionLimits {
		s.trim()
	}
	s.changed()
	s.setClock()
	return nil
}

func (r *request) streamInfo() (any, error) {
	var asked api.StreamInfoRequest
	if err := r.decodeOptional(&asked); err != nil {
		return nil, err
	}
	s, err := r.stream()
	if err != nil {
		return nil, err
	}
	info, page, err := r.describe(s, &asked)
	if err != nil {
		return nil, err
	}
	info.Cluster = &api.ClusterInfo{Leader: r.account.engine.options.Server}
	return api.StreamInfoResponse{Response: r.head(), Page: page, StreamInfo: info}, nil
}

// selected are the streams that a request asks for.
func (r *request) selected() ([]*streamAsset, int, error) {
	var asked api.StreamsRequest
	if err := r.decodeOptional(&asked); err != nil {
		return nil, 0, err
	}
	list := r.account.list()
	if asked.Subject == "" {
		return list, asked.Offset, nil
	}
	var some []*streamAsset
	for _, s := range list {
		if api.Overlap(s.config().Subjects, []string{asked.Subject}) {
			some = append(some, s)
		}
	}
	return some, asked.Offset, nil
}

const (
	namesPage = 1024
	listPage  = 256
)

func (r *request) streamNames() (any, error) {
	list, offset, err := r.selected()
	if err != nil {
		return nil, err
	}
	answer := api.StreamNamesResponse{Response: r.head(), Page: api.NewPage(len(list), offset, namesPage)}
	for _, s := range list[answer.Offset:answer.End()] {
		answer.Streams = append(answer.Streams, s.name)
	}
	return answer, nil
}

func (r *request) streamList() (any, error) {
	list, offset, err := r.selected()
	if err != nil {
		return nil, err
	}
	answer := api.StreamListResponse{Response: r.head(), Page: api.NewPage(len(list), offset, listPage), Streams: []*api.StreamInfo{}}
	for _, s := range list[answer.Offset:answer.End()] {
		s.mu.Lock()
		info, _, err := s.info(&api.StreamInfoRequest{})
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		answer.Streams = append(answer.Streams, info)
	}
	return answer, nil
}

func (r *request) streamDelete() (any, error) {
	if err := api.CheckEmpty(r.body); err != nil {
		return nil, err
	}
	s, err := r.stream()
	if err != nil {
		return nil, err
	}
	if err := r.account.deleteStream(s); err != nil {
		return nil, api.NewStreamDelete(err)
	}
	return api.SuccessResponse{Response: r.head(), Success: true}, nil
}

// deleteStream ends a stream and its consumers, and deletes what is stored of them.
func (a *account) deleteStream(s *streamAsset) error {
	s.stop()
	a.mu.Lock()
	delete(a.streams, s.name)
	a.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.machine.Close()
	var failure error
	for _, c := range s.consumers {
		c.end()
		failure = errors.Join(failure, c.remove())
	}
	return errors.Join(failure, s.remove())
}

func (r *request) streamPurge() (any, error) {
	var asked api.PurgeRequest
	if err := r.decodeOptional(&asked); err != nil {
		return nil, err
	}
	s, err := r.stream()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	purged, refusal := s.machine.Purge(asked)
	s.mu.Unlock()
	if refusal != nil {
		return nil, refusal
	}
	if err := s.await(); err != nil {
		return nil, api.NewStreamPurgeFailed(err)
	}
	return api.PurgeResponse{Response: r.head(), Success: true, Purged: purged}, nil
}

// await makes what has changed durable.
func (s *streamAsset) await() error {
	s.mu.Lock()
	s.tellRemovals()
	for _, c := range s.consumers {
		c.pump()
	}
	done := make(chan error, 1)
	if s.file == nil {
		done <- nil
	} else {
		s.file.Commit(func(err error) { done <- err })
		s.checkpoint()
	}
	s.setClock()
	s.mu.Unlock()
	return <-done
}

func (r *request) messageGet() (any, error) {
	var asked stream.GetRequest
	if err := r.decodeRequired(&asked); err != nil {
		return nil, err
	}
	s, err := r.stream()
	if err != nil {
		return nil, err
	}
	if err := asked.CheckGet(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	message, refusal := s.machine.Get(&asked)
	if refusal != nil {
		return nil, refusal
	}
	return api.MessageGetResponse{Response: r.head(), Message: message}, nil
}

func (r *request) messageDelete() (any, error) {
	var asked api.MessageDeleteRequest
	if err := r.decodeRequired(&asked); err != nil {
		return nil, err
	}
	s, err := r.stream()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	refusal := s.machine.Delete(asked)
	s.mu.Unlock()
	if refusal != nil {
		return nil, refusal
	}
	if err := s.await(); err != nil {
		return nil, api.NewStreamMsgDeleteFailed(err)
	}
	return api.SuccessResponse{Response: r.head(), Success: true}, nil
}

func (r *request) streamSnapshot() (any, error) {
	return nil, api.NewStreamSnapshot(errArchive)
}

func (r *request) streamRestore() (any, error) {
	return nil, api.NewStreamRestore(errArchive)
}
