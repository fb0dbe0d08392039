package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// toJSON is the JSON of something.
func toJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// at is a time in 2026, in UTC.
func at(nanosecond int) time.Time { return time.Date(2026, 1, 1, 0, 0, 0, nanosecond, time.UTC) }

// free is a world that forbids nothing.
func free(streams ...*StreamConfig) *World {
	w := &World{
		Server: ServerLimits{MaxMemory: 1 << 40, MaxStorage: 1 << 40},
		Tiers:  Tiers{"": Unlimited()}, Streams: StreamMap{}, Alone: true,
	}
	for _, c := range streams {
		w.Streams.(StreamMap)[c.Name] = c
	}
	return w
}

func TestAnswersLookAsClientsKnowThem(t *testing.T) {
	var request StreamRequest
	if _, err := Decode([]byte(`{"name":"A","subjects":["a.>"],"allow_direct":true}`), &request, true); err != nil {
		t.Fatal(err)
	}
	config, exists, err := CreateStream("A", &request, free())
	if err != nil || exists {
		t.Fatal(exists, err)
	}
	consumer := consumerOf(t, `{"stream_name":"P","config":{"name":"g","durable_name":"g","ack_policy":"explicit","priority_policy":"pinned_client","priority_groups":["A"]}}`)
	unlimited := AccountInfo{AccountTier: AccountTier{Limits: Unlimited()}, API: APIStatistics{Level: Level}}

	for _, tt := range []struct {
		answer any
		want   string
	}{
		{
			AccountInfoResponse{Response{Type: TypeAccountInfo}, &unlimited},
			`{"type":"io.nats.jetstream.api.v1.account_info_response","memory":0,"storage":0,"reserved_memory":0,"reserved_storage":0,"streams":0,"consumers":0,"limits":{"max_memory":-1,"max_storage":-1,"max_streams":-1,"max_consumers":-1,"max_ack_pending":-1,"memory_max_stream_bytes":-1,"storage_max_stream_bytes":-1,"max_bytes_required":false},"api":{"level":5,"total":0,"errors":0}}`,
		},
		{
			StreamCreateResponse{Response{Type: TypeStreamCreate}, &StreamInfo{Config: PresentStream(config, "2.15.2"), Created: at(1e8), Time: at(2e8)}, true},
			`{"type":"io.nats.jetstream.api.v1.stream_create_response","config":{"name":"A","subjects":["a.\u003e"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1,"duplicate_window":120000000000,"compression":"none","allow_direct":true,"mirror_direct":false,"sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,"metadata":{"_nats.level":"5","_nats.req.level":"0","_nats.ver":"2.15.2"}},"created":"2026-01-01T00:00:00.1Z","state":{"messages":0,"bytes":0,"first_seq":0,"first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z","consumer_count":0},"ts":"2026-01-01T00:00:00.2Z","did_create":true}`,
		},
		{
			StreamInfoResponse{Response: Response{TypeStreamInfo, ErrStreamNotFound}},
			`{"type":"io.nats.jetstream.api.v1.stream_info_response","error":{"code":404,"err_code":10059,"description":"stream not found"},"total":0,"offset":0,"limit":0}`,
		},
		{
			StreamNamesResponse{Response{Type: TypeStreamNames}, NewPage(1, 5, NamesPage), nil},
			`{"type":"io.nats.jetstream.api.v1.stream_names_response","total":1,"offset":1,"limit":1024,"streams":null}`,
		},
		{
			PauseResponse{Response{Type: TypeConsumerPause}, true, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), 98000430795223749},
			`{"type":"io.nats.jetstream.api.v1.consumer_pause_response","paused":true,"pause_until":"2030-01-01T00:00:00Z","pause_remaining":98000430795223749}`,
		},
		{
			ConsumerCreateResponse{Response{Type: TypeConsumerCreate}, &ConsumerInfo{
				Stream: "P", Name: "g", Created: at(123456789), Config: PresentConsumer(consumer, "2.15.2"), NumPending: 2, Time: at(123460000),
				PriorityGroups: []PriorityGroupState{{Group: "A"}},
			}},
			`{"type":"io.nats.jetstream.api.v1.consumer_create_response","stream_name":"P","name":"g","created":"2026-01-01T00:00:00.123456789Z","config":{"durable_name":"g","name":"g","deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"num_replicas":0,"metadata":{"_nats.level":"5","_nats.req.level":"1","_nats.ver":"2.15.2"},"priority_groups":["A"],"priority_policy":"pinned_client","priority_timeout":120000000000},"delivered":{"consumer_seq":0,"stream_seq":0},"ack_floor":{"consumer_seq":0,"stream_seq":0},"num_ack_pending":0,"num_redelivered":0,"num_waiting":0,"num_pending":2,"ts":"2026-01-01T00:00:00.12346Z","priority_groups":[{"group":"A","pinned_ts":"0001-01-01T00:00:00Z"}]}`,
		},
		{
			ResetResponse{Response{Type: TypeConsumerReset}, &ConsumerInfo{}, 7},
			`{"type":"io.nats.jetstream.api.v1.consumer_reset_response","stream_name":"","name":"","created":"0001-01-01T00:00:00Z","delivered":{"consumer_seq":0,"stream_seq":0},"ack_floor":{"consumer_seq":0,"stream_seq":0},"num_ack_pending":0,"num_redelivered":0,"num_waiting":0,"num_pending":0,"ts":"0001-01-01T00:00:00Z","reset_seq":7}`,
		},
		{SuccessResponse{Response{Type: TypeStreamDelete}, true}, `{"type":"io.nats.jetstream.api.v1.stream_delete_response","success":true}`},
		{PurgeResponse{Response{Type: TypeStreamPurge}, true, 3}, `{"type":"io.nats.jetstream.api.v1.stream_purge_response","success":true,"purged":3}`},
		{Response{Type: TypeConsumerUnpin}, `{"type":"io.nats.jetstream.api.v1.consumer_unpin_response"}`},
		{
			MessageGetResponse{Response{Type: TypeMessageGet}, &StoredMessage{Subject: "a", Sequence: 1, Header: []byte("NATS/1.0\r\n\r\n"), Data: []byte("hi"), Time: at(0)}},
			`{"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{"subject":"a","seq":1,"hdrs":"TkFUUy8xLjANCg0K","data":"aGk=","time":"2026-01-01T00:00:00Z"}}`,
		},
		{RestoreResponse{Response{Type: TypeStreamRestore}, "d"}, `{"type":"io.nats.jetstream.api.v1.stream_restore_response","deliver_subject":"d"}`},
		{
			StreamListResponse{Response{Type: TypeStreamList}, NewPage(1, 0, ListPage), []*StreamInfo{}, []string{"X"}, map[string]string{"X": "why"}},
			`{"type":"io.nats.jetstream.api.v1.stream_list_response","total":1,"offset":0,"limit":256,"streams":[],"missing":["X"],"offline":{"X":"why"}}`,
		},
		{
			ConsumerNamesResponse{Response{Type: TypeConsumerNames}, NewPage(0, 0, NamesPage), []string{}},
			`{"type":"io.nats.jetstream.api.v1.consumer_names_response","total":0,"offset":0,"limit":1024,"consumers":[]}`,
		},
		{
			SourceInfo{Name: "O", External: &ExternalStream{APIPrefix: "$JS.D.API"}, Lag: 1, Sequence: 2, Active: -1, Error: ErrStreamNotFound, FilterSubject: "f"},
			`{"name":"O","external":{"api":"$JS.D.API","deliver":""},"lag":1,"seq":2,"active":-1,"error":{"code":404,"err_code":10059,"description":"stream not found"},"filter_subject":"f"}`,
		},
		{
			StreamState{Messages: 2, NumSubjects: 1, Subjects: map[string]uint64{"a": 2}, NumDeleted: 1, Deleted: []uint64{2}, Lost: &LostStreamData{[]uint64{4}, 10}, Consumers: 1},
			`{"messages":2,"bytes":0,"first_seq":0,"first_ts":"0001-01-01T00:00:00Z","last_seq":0,"last_ts":"0001-01-01T00:00:00Z","num_subjects":1,"subjects":{"a":2},"num_deleted":1,"deleted":[2],"lost":{"msgs":[4],"bytes":10},"consumer_count":1}`,
		},
		{ClusterInfo{Leader: "s1"}, `{"leader":"s1"}`},
		{PeerInfo{Name: "s", Active: 5, Peer: "p"}, `{"name":"s","current":false,"active":5,"peer":"p"}`},
		{MetaRescueResponse{Response{Type: TypeMetaRescue}, "s", "id", 3, 2}, `{"type":"io.nats.jetstream.api.v1.meta_rescue_response","server":"s","server_id":"id","prev_quorum":3,"new_quorum":2}`},
		{AccountPurgeResponse{Response{Type: TypeAccountPurge}, true}, `{"type":"io.nats.jetstream.api.v1.account_purge_response","initiated":true}`},
		{BatchAck{0, 10}, `{"type":"ack","seq":0,"msgs":10}`},
		{BatchGap{3, 5}, `{"type":"gap","last_seq":3,"seq":5}`},
		{BatchError{3, ErrStreamSealed}, `{"type":"err","seq":3,"error":{"code":400,"err_code":10109,"description":"invalid operation on sealed stream"}}`},
		{CounterValue{"3"}, `{"val":"3"}`},
	} {
		if got := toJSON(t, tt.answer); got != tt.want {
			t.Errorf("%T:\ngot  %s\nwant %s", tt.answer, got, tt.want)
		}
	}
}

// consumerOf is the complete configuration of a request for a consumer of a stream
// that allows everything.
func consumerOf(t *testing.T, request string) *ConsumerConfig {
	t.Helper()
	var r ConsumerRequest
	if _, err := Decode([]byte(request), &r, true); err != nil {
		t.Fatal(err)
	}
	plan, err := PlaceConsumer(&r, plainStream(), nil, false, free())
	if err != nil {
		t.Fatal(err)
	}
	return plan.Config
}

// plainStream is a complete configuration.
func plainStream() *StreamConfig {
	c, err := CheckStream(&StreamConfig{Name: "P", Subjects: []string{"p.>"}}, free(), false)
	if err != nil {
		panic(err)
	}
	return c
}

// fullStream has a value for each key.
const fullStream = `{"name":"S","description":"d","subjects":["a","b"],"retention":"interest","max_consumers":1,"max_msgs":2,"max_bytes":3,"max_age":4,"max_msgs_per_subject":5,"max_msg_size":6,"discard":"new","storage":"memory","num_replicas":3,"no_ack":true,"duplicate_window":7,"placement":{"cluster":"c","tags":["t"],"preferred":"p"},"mirror":{"name":"M","opt_start_seq":1,"opt_start_time":"2026-01-01T00:00:00Z","filter_subject":"f","subject_transforms":[{"src":"a","dest":"b"}],"external":{"api":"A","deliver":"D"},"consumer":{"name":"c","deliver_subject":"ds"}},"sources":[{"name":"O"}],"compression":"s2","first_seq":8,"subject_transform":{"src":"a","dest":"b"},"republish":{"src":"a","dest":"b","headers_only":true},"allow_direct":true,"mirror_direct":true,"discard_new_per_subject":true,"sealed":true,"deny_delete":true,"deny_purge":true,"allow_rollup_hdrs":true,"consumer_limits":{"inactive_threshold":9,"max_ack_pending":10},"allow_msg_ttl":true,"subject_delete_marker_ttl":11,"allow_msg_counter":true,"allow_atomic":true,"allow_msg_schedules":true,"persist_mode":"async","allow_batched":true,"metadata":{"k":"v"}}`

// fullConsumer has a value for each key.
const fullConsumer = `{"durable_name":"d","name":"n","description":"x","deliver_policy":"by_start_time","opt_start_seq":1,"opt_start_time":"2026-01-01T00:00:00Z","ack_policy":"flow_control","ack_wait":2,"max_deliver":3,"backoff":[1,2],"filter_subject":"f","filter_subjects":["g"],"replay_policy":"original","rate_limit_bps":4,"sample_freq":"50%","max_waiting":5,"max_ack_pending":6,"flow_control":true,"headers_only":true,"max_batch":7,"max_expires":8,"max_bytes":9,"deliver_subject":"ds","deliver_group":"dg","idle_heartbeat":10,"inactive_threshold":11,"num_replicas":1,"mem_storage":true,"direct":true,"sourcing":true,"metadata":{"k":"v"},"pause_until":"2026-01-01T00:00:00Z","priority_groups":["A"],"priority_policy":"overflow","priority_timeout":12}`

func TestConfigurationsKeepTheOrderOfTheirKeys(t *testing.T) {
	var stream StreamConfig
	var consumer ConsumerConfig
	for _, tt := range []struct {
		text string
		into any
	}{{fullStream, &stream}, {fullConsumer, &consumer}} {
		if _, err := Decode([]byte(tt.text), tt.into, true); err != nil {
			t.Fatal(err)
		}
		if got := toJSON(t, tt.into); got != tt.text {
			t.Errorf("got  %s\nwant %s", got, tt.text)
		}
	}
	if got := toJSON(t, stream.Clone()); got != fullStream {
		t.Errorf("the clone is %s", got)
	}
	if got := toJSON(t, consumer.Clone()); got != fullConsumer {
		t.Errorf("the clone is %s", got)
	}
}

func TestWordsOfConfigurations(t *testing.T) {
	for _, tt := range []struct {
		into  any
		words string
	}{
		{new(RetentionPolicy), "limits interest workqueue"},
		{new(DiscardPolicy), "old new"},
		{new(StorageType), "file memory"},
		{new(Compression), "none s2"},
		{new(PersistMode), "default async"},
		{new(DeliverPolicy), "all last new by_start_sequence by_start_time last_per_subject"},
		{new(AckPolicy), "none all explicit flow_control"},
		{new(ReplayPolicy), "instant original"},
		{new(PriorityPolicy), "none overflow pinned_client prioritized"},
		{new(ConsumerAction), "create update"},
	} {
		for word := range strings.FieldsSeq(tt.words) {
			text := `"` + word + `"`
			if err := json.Unmarshal([]byte(text), tt.into); err != nil {
				t.Errorf("%T %s: %v", tt.into, text, err)
			}
			if got := toJSON(t, tt.into); got != text {
				t.Errorf("%T %s became %s", tt.into, text, got)
			}
			if got := tt.into.(fmt.Stringer).String(); got != word {
				t.Errorf("%T %s is called %s", tt.into, text, got)
			}
		}
	}
	for _, tt := range []struct {
		value json.Marshaler
	}{{RetentionPolicy(9)}, {DiscardPolicy(9)}, {StorageType(9)}, {Compression(9)}, {PersistMode(9)}, {DeliverPolicy(9)}, {AckPolicy(9)}, {ReplayPolicy(9)}, {PriorityPolicy(9)}, {ConsumerAction(9)}} {
		if data, err := tt.value.MarshalJSON(); err == nil {
			t.Errorf("%T of no meaning became %s", tt.value, data)
		}
		if got := tt.value.(fmt.Stringer).String(); got != "unknown" {
			t.Errorf("%T of no meaning is called %s", tt.value, got)
		}
	}
}

// Go: TestJetStreamConsumerActionsUnmarshal server/jetstream_consumer_test.go:740
func TestActionsOfRequests(t *testing.T) {
	for _, tt := range []struct {
		text string
		want ConsumerAction
		err  string
	}{
		{`{"action": "create"}`, ActionCreate, ""},
		{`{"action": "update"}`, ActionUpdate, ""},
		{`{"action": ""}`, ActionCreateOrUpdate, ""},
		{`{}`, ActionCreateOrUpdate, ""},
		{`{"action": "unknown"}`, ActionCreateOrUpdate, `unknown consumer action: "unknown"`},
	} {
		var r ConsumerRequest
		err := json.Unmarshal([]byte(tt.text), &r)
		if r.Action != tt.want || (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%s is %v, %v", tt.text, r.Action, err)
		}
	}
	if got := toJSON(t, ConsumerRequest{Stream: "S"}); !strings.HasSuffix(got, `,"action":""}`) || !strings.HasPrefix(got, `{"stream_name":"S","config":{`) {
		t.Errorf("a request is %s", got)
	}
}

// Go: TestJetStreamStreamConfigClone server/jetstream_test.go:19361
func TestAClonedStreamSharesNothing(t *testing.T) {
	var c StreamConfig
	if err := json.Unmarshal([]byte(fullStream), &c); err != nil {
		t.Fatal(err)
	}
	clone := c.Clone()
	clone.Subjects[0] = "x"
	clone.Placement.Cluster, clone.Placement.Tags[0] = "x", "x"
	clone.Mirror.Name, clone.Mirror.SubjectTransforms[0].Source, clone.Mirror.External.APIPrefix, clone.Mirror.Consumer.Name = "x", "x", "x", "x"
	*clone.Mirror.StartTime = time.Now()
	clone.Sources[0].Name = "x"
	clone.SubjectTransform.Source = "x"
	clone.RePublish.Source = "x"
	clone.Metadata["k"] = "x"
	if got := toJSON(t, c); got != fullStream {
		t.Errorf("the original became %s", got)
	}
	if (*StreamConfig)(nil).Clone() != nil || (*ConsumerConfig)(nil).Clone() != nil {
		t.Error("the clone of nothing is something")
	}
}

func TestAClonedConsumerSharesNothing(t *testing.T) {
	var c ConsumerConfig
	if err := json.Unmarshal([]byte(fullConsumer), &c); err != nil {
		t.Fatal(err)
	}
	clone := c.Clone()
	*clone.StartTime, *clone.PauseUntil = time.Now(), time.Now()
	clone.BackOff[0], clone.FilterSubjects[0], clone.PriorityGroups[0], clone.Metadata["k"] = 99, "x", "x", "x"
	if got := toJSON(t, c); got != fullConsumer {
		t.Errorf("the original became %s", got)
	}
}

func TestPubAcks(t *testing.T) {
	for _, tt := range []struct {
		ack  PubAck
		want string
	}{
		{PubAck{Stream: "D", Sequence: 1}, `{"stream":"D","seq":1}`},
		{PubAck{Stream: "A", Domain: "hub", Sequence: 1}, `{"stream":"A","domain":"hub","seq":1}`},
		{PubAck{Stream: "D", Sequence: 1, Duplicate: true}, `{"stream":"D","seq":1,"duplicate": true}`},
		{PubAck{Stream: "CT", Sequence: 2, Value: "3"}, `{"stream":"CT","seq":2,"val":"3"}`},
		{PubAck{Stream: "D", Sequence: 4, Batch: "uuid", Count: 3}, `{"stream":"D","seq":4,"batch":"uuid","count":3}`},
		{PubAck{Stream: `a"\<`, Sequence: 1<<64 - 1}, `{"stream":"a\"\\\u003c","seq":18446744073709551615}`},
	} {
		got := tt.ack.Append([]byte("x"))
		if string(got) != "x"+tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, got[1:]); err != nil || compact.String() != toJSON(t, tt.ack) {
			t.Errorf("%s is not %s: %v", got[1:], toJSON(t, tt.ack), err)
		}
		var back PubAckResponse
		if err := json.Unmarshal(got[1:], &back); err != nil || back.PubAck != tt.ack || back.Error != nil {
			t.Errorf("%s was read as %+v: %v", got[1:], back, err)
		}
	}
	for _, tt := range []struct {
		e    *Error
		want string
	}{
		{NewStreamStoreFailed(errorf("maximum messages exceeded")), `{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"D","seq":0}`},
		{NewStreamWrongLastSequence(1), `{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"D","seq":0}`},
		{NewStreamWrongLastMsgID("m1"), `{"error":{"code":400,"err_code":10070,"description":"wrong last msg ID: m1"},"stream":"D","seq":0}`},
		{NewStreamRollupFailed(errorf("rollup not permitted")), `{"error":{"code":500,"err_code":10111,"description":"rollup not permitted"},"stream":"D","seq":0}`},
	} {
		if got := AppendPubAckError(nil, "D", tt.e); string(got) != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
		if got := toJSON(t, PubAckResponse{tt.e, PubAck{Stream: "D"}}); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}
