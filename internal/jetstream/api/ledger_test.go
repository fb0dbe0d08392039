package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Go: TestJetStreamInvalidConfigValues server/jetstream_test.go:22531
func TestValuesThatAreNoneBecomeDefaults(t *testing.T) {
	const none = 200
	for want, c := range map[string]*StreamConfig{
		"10052 invalid retention":           {Name: "S", Retention: none},
		"10052 invalid discard policy":      {Name: "S", Discard: none},
		"10052 invalid storage type":        {Name: "S", Storage: none},
		"10052 invalid compression":         {Name: "S", Compression: none},
		"10052 max age can not be negative": {Name: "S", MaxAge: -time.Second},
	} {
		if _, err := CheckStream(c, free(), false); !says(err, want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for want, c := range map[string]*ConsumerConfig{
		"10181 consumer ack policy invalid":            {AckPolicy: none},
		"10182 consumer replay policy invalid":         {ReplayPolicy: none},
		"10183 consumer ack wait needs to be positive": {AckWait: -time.Second},
		"10184 consumer backoff needs to be positive":  {BackOff: []time.Duration{-time.Second}},
	} {
		if _, err := CheckConsumer(c, plainStream(), free(), false); !says(err, want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	for _, tt := range []struct {
		name string
		in   func(*StreamConfig) any
		set  func(*StreamConfig, int)
	}{
		{"max_msgs", func(c *StreamConfig) any { return c.MaxMessages }, func(c *StreamConfig, n int) { c.MaxMessages = int64(n) }},
		{"max_msgs_per_subject", func(c *StreamConfig) any { return c.MaxPerSubject }, func(c *StreamConfig, n int) { c.MaxPerSubject = int64(n) }},
		{"max_bytes", func(c *StreamConfig) any { return c.MaxBytes }, func(c *StreamConfig, n int) { c.MaxBytes = int64(n) }},
		{"max_msg_size", func(c *StreamConfig) any { return c.MaxMessageSize }, func(c *StreamConfig, n int) { c.MaxMessageSize = int32(n) }},
		{"max_consumers", func(c *StreamConfig) any { return c.MaxConsumers }, func(c *StreamConfig, n int) { c.MaxConsumers = n }},
	} {
		for _, try := range []struct {
			value  int
			strict bool
		}{{-10, true}, {0, true}, {-10, false}} {
			c := &StreamConfig{Name: "S"}
			tt.set(c, try.value)
			checked, err := CheckStream(c, free(), try.strict)
			if try.value < 0 && try.strict {
				if !says(err, "10157 pedantic mode: "+tt.name+" must be set to -1") {
					t.Errorf("%s: %v", tt.name, err)
				}
				continue
			}
			if err != nil || fmt.Sprint(tt.in(checked)) != "-1" {
				t.Errorf("%s: %v %+v", tt.name, err, checked)
			}
		}
	}
	for _, tt := range []struct {
		name, want string
		in         func(*ConsumerConfig) any
		set        func(*ConsumerConfig, int)
	}{
		{"max_deliver", "-1", func(c *ConsumerConfig) any { return c.MaxDeliver }, func(c *ConsumerConfig, n int) { c.MaxDeliver = n }},
		{"max_waiting", "512", func(c *ConsumerConfig) any { return c.MaxWaiting }, func(c *ConsumerConfig, n int) { c.MaxWaiting = n }},
		{"max_batch", "0", func(c *ConsumerConfig) any { return c.MaxRequestBatch }, func(c *ConsumerConfig, n int) { c.MaxRequestBatch = n }},
		{"max_expires", "0s", func(c *ConsumerConfig) any { return c.MaxRequestExpires }, func(c *ConsumerConfig, n int) { c.MaxRequestExpires = time.Duration(n) }},
		{"max_bytes", "0", func(c *ConsumerConfig) any { return c.MaxRequestBytes }, func(c *ConsumerConfig, n int) { c.MaxRequestBytes = n }},
		{"idle_heartbeat", "0s", func(c *ConsumerConfig) any { return c.Heartbeat }, func(c *ConsumerConfig, n int) { c.Heartbeat = time.Duration(n) }},
		{"inactive_threshold", "0s", func(c *ConsumerConfig) any { return c.InactiveThreshold }, func(c *ConsumerConfig, n int) { c.InactiveThreshold = time.Duration(n) }},
		{"priority_timeout", "0s", func(c *ConsumerConfig) any { return c.PriorityTimeout }, func(c *ConsumerConfig, n int) { c.PriorityTimeout = time.Duration(n) }},
		{"max_ack_pending", "1000 -1", func(c *ConsumerConfig) any { return c.MaxAckPending }, func(c *ConsumerConfig, n int) { c.MaxAckPending = n }},
	} {
		zero, negative, twice := strings.Cut(tt.want, " ")
		if !twice {
			negative = zero
		}
		refusal := tt.name + " must not be negative"
		if negative == "-1" {
			refusal = tt.name + " must be set to -1"
		}
		for _, try := range []struct {
			value  int
			strict bool
			want   string
		}{{-10, true, ""}, {0, true, zero}, {-10, false, negative}} {
			c := &ConsumerConfig{Durable: "d", AckPolicy: AckExplicit}
			tt.set(c, try.value)
			checked, err := CheckConsumer(c, plainStream(), free(), try.strict)
			if try.want == "" {
				if !says(err, "10157 pedantic mode: "+refusal) {
					t.Errorf("%s: %v", tt.name, err)
				}
				continue
			}
			if err != nil || fmt.Sprint(tt.in(checked)) != try.want {
				t.Errorf("%s: %v %+v", tt.name, err, checked)
			}
		}
	}
}

// Go: TestJetStreamInvalidStreamOrConsumerName server/jetstream_test.go:22746
func TestNoNameHoldsWhatMeansSomethingElsewhere(t *testing.T) {
	for _, c := range " \t\r\n\f.*>\\/" {
		_, err := CheckStream(&StreamConfig{Name: string(c)}, nil, false)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Description, "can not contain") {
			t.Errorf("stream %q: %v", c, err)
		}
		for _, config := range []*ConsumerConfig{{Name: string(c)}, {Durable: string(c)}} {
			if _, err := CheckConsumer(config, plainStream(), free(), false); !errors.As(err, &e) || !strings.Contains(e.Description, "can not contain") {
				t.Errorf("consumer %q: %v", c, err)
			}
		}
	}
}

// Go: TestJetStreamStreamCheckSourcesWithExternal server/jetstream_test.go:24480
func TestSourcesElsewhereAreJudgedToo(t *testing.T) {
	for _, tt := range []struct{ source, want string }{
		{`"filter_subject":"filter","subject_transforms":[{"src":"filter","dest":""}]`, "10144 source with multiple subject transforms cannot also have a single subject filter"},
		{`"subject_transforms":[{"src":".invalid","dest":""}]`, "10145 source transform source: invalid subject .invalid"},
		{`"subject_transforms":[{"src":"src","dest":".invalid"}]`, "10146 source transform: invalid mapping destination: invalid transform"},
		{`"subject_transforms":[{"src":"src","dest":""},{"src":"src","dest":""}]`, "10147 source filters can not overlap"},
	} {
		for _, external := range []string{``, `,"external":{"api":"","deliver":""}`} {
			r := streamRequest(t, `{"name":"SOURCE","sources":[{"name":"ORIGIN",`+tt.source+external+`}]}`)
			if _, _, err := CreateStream("SOURCE", r, free(&StreamConfig{Name: "ORIGIN"})); !says(err, tt.want) {
				t.Errorf("%s%s: %v, want %s", tt.source, external, err, tt.want)
			}
		}
	}
	r := streamRequest(t, `{"name":"crash","retention":"limits","max_consumers":-1,"max_msgs_per_subject":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msg_size":-1,"storage":"file","discard":"old","num_replicas":1,"duplicate_window":120000000000,"sources":[null],"sealed":false,"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"allow_direct":true,"mirror_direct":false,"consumer_limits":{}}`)
	_, _, err := CreateStream("crash", r, free())
	answer := toJSON(t, StreamCreateResponse{Response: Response{TypeStreamCreate, NewStreamCreate(err)}})
	if answer != `{"type":"io.nats.jetstream.api.v1.stream_create_response","error":{"code":400,"err_code":10141,"description":"sourced stream name is invalid"}}` {
		t.Errorf("the answer is %s", answer)
	}
}

// assets of a server that knew no levels have no metadata.
func TestAssetsOfOlderServersAreTheSame(t *testing.T) {
	old := stream(t, `{"name":"S","subjects":["a"]}`)
	r := streamRequest(t, `{"name":"S","subjects":["a"],"metadata":{"_nats.req.level":"0","_nats.ver":"1","_nats.level":"5"}}`)
	config, exists, err := CreateStream("S", r, free(old))
	if err != nil || !exists || config.Metadata != nil {
		t.Errorf("created, it is %+v: %t %v", config, exists, err)
	}
	if config, err = UpdateStream("S", r, free(old), nil); err != nil || config.Metadata[RequiredLevelKey] != "0" {
		t.Errorf("updated, it is %+v: %v", config, err)
	}
	consumer := consumerOf(t, `{"stream_name":"P","config":{"name":"C"}}`)
	consumer.Metadata = nil
	for action, changed := range map[ConsumerAction]bool{ActionCreate: false, ActionUpdate: true, ActionCreateOrUpdate: true} {
		plan, err := PlaceConsumer(&ConsumerRequest{Config: ConsumerConfig{Name: "C"}, Action: action}, plainStream(), []*ConsumerConfig{consumer}, false, free())
		if err != nil || plan.Changed != changed || plan.Config.Metadata[RequiredLevelKey] == "0" != changed {
			t.Errorf("%v: %+v %v", action, plan, err)
		}
	}
}

func TestReservationsOfTiersAndReplicas(t *testing.T) {
	w := free(&StreamConfig{Name: "R1", Replicas: 1, MaxBytes: 1}, &StreamConfig{Name: "R3", Replicas: 3, MaxBytes: 10})
	w.Alone = false
	for _, tt := range []struct {
		tier     string
		replicas int
		bytes    int64
		streams  int
	}{{"", 0, 31, 2}, {"R1", 1, 1, 1}, {"R3", 3, 10, 1}} {
		bytes, streams := w.reserved(&StreamConfig{Replicas: tt.replicas}, tt.tier)
		if bytes != tt.bytes || streams != tt.streams {
			t.Errorf("%+v: %d bytes of %d", tt, bytes, streams)
		}
	}

	const gigabyte = 1 << 30
	limits := Unlimited()
	limits.MaxStorage = 3 * gigabyte
	full := &StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3, MaxBytes: gigabyte}
	for _, tt := range []struct {
		limit, bytes int64
		replicas     int
		fits         bool
	}{
		{3 * gigabyte, gigabyte, 3, true},
		{3 * gigabyte, gigabyte + 1, 3, false},
		{3 * gigabyte, 2 * gigabyte, 1, true},
		{gigabyte, 2 * gigabyte, 3, false},
		{gigabyte, gigabyte / 4, 3, true},
	} {
		w := free()
		w.Alone = false
		complete, err := CheckStream(full, w, false)
		if err != nil {
			t.Fatal(err)
		}
		w.Streams.(StreamMap)["S"] = complete
		limits.MaxStorage = tt.limit
		w.Tiers = Tiers{"": limits}
		change := &StreamRequest{StreamConfig: *complete.Clone()}
		change.MaxBytes, change.Replicas = tt.bytes, tt.replicas
		if _, err := UpdateStream("S", change, w, nil); (err == nil) != tt.fits {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
