package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// consumerRequest reads a request for a consumer.
func consumerRequest(t *testing.T, text string) *ConsumerRequest {
	t.Helper()
	r := new(ConsumerRequest)
	if _, err := Decode([]byte(text), r, true); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

func TestConsumersThatCannotBe(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{`"name":"a.b"`, `10052 consumer name can not contain '.', '*', '>', '\', '/'`},
		{`"durable_name":"a b"`, `10052 consumer durable name can not contain '.', '*', '>', '\', '/'`},
		{`"durable_name":"` + strings.Repeat("x", 256) + `"`, `10102 consumer name is too long, maximum allowed is 255`},
		{`"name":"` + strings.Repeat("x", 256) + `"`, `10102 consumer name is too long, maximum allowed is 255`},
		{`"name":"a","durable_name":"b"`, `10132 Consumer Durable and Name have to be equal if both are provided`},
		{`"description":"` + strings.Repeat("x", 4097) + `"`, `10107 consumer description is too long, maximum allowed is 4096`},
		{`"num_replicas":2`, `10126 consumer config replica count exceeds parent stream`},
		{`"num_replicas":-1`, `10133 replicas count cannot be negative`},
		{`"ack_wait":-1`, `10183 consumer ack wait needs to be positive`},
		{`"backoff":[1,-1]`, `10184 consumer backoff needs to be positive`},
		{`"backoff":[1,2],"max_deliver":1`, `10116 max deliver is required to be > length of backoff values`},
		{`"backoff":[1,2],"max_deliver":2`, ``},
		{`"backoff":[1,2]`, ``},
		{`"filter_subject":"a..b"`, `10052 invalid subject`},
		{`"filter_subject":"a","filter_subjects":["b"]`, `10136 consumer cannot have both FilterSubject and FilterSubjects specified`},
		{`"filter_subjects":["a",""]`, `10139 consumer filter in FilterSubjects cannot be empty`},
		{`"filter_subjects":["a","a b"]`, `10052 invalid subject`},
		{`"filter_subjects":["a.*","a.b"]`, `10138 consumer subject filters cannot overlap`},
		{`"filter_subjects":["a.b","a.b"]`, `10138 consumer subject filters cannot overlap`},
		{`"filter_subjects":["a.*","*.b"]`, ``},
		{`"filter_subjects":["a.*",">"]`, `10138 consumer subject filters cannot overlap`},
		{`"rate_limit_bps":1`, `10086 consumer in pull mode can not have rate limit set`},
		{`"idle_heartbeat":1000000000`, `10088 consumer idle heartbeat requires a push based consumer`},
		{`"flow_control":true`, `10089 consumer flow control requires a push based consumer`},
		{`"max_expires":1`, `10115 consumer max request expires needs to be >= 1ms`},
		{`"max_batch":101`, `10125 consumer max request batch exceeds server limit of 100`},
		{`"sample_freq":"a"`, `10095 failed to parse consumer sampling configuration: strconv.Atoi: parsing "a": invalid syntax`},
		{`"sample_freq":"-1"`, `10095 failed to parse consumer sampling configuration: -1 is negative`},
		{`"sample_freq":"30%"`, ``},
		{`"metadata":{"k":"` + strings.Repeat("x", 131072) + `"}`, `10135 consumer metadata exceeds maximum size of 128KB`},
		{`"direct":true`, `10090 consumer direct requires a push based consumer`},
		{`"ack_policy":"explicit","max_ack_pending":5001`, `10121 consumer max ack pending exceeds system limit of 5000`},
		{`"ack_policy":"explicit","max_ack_pending":3001`, `10121 consumer max ack pending exceeds system limit of 3000`},

		{`"deliver_subject":"d.*"`, `10079 consumer deliver subject has wildcards`},
		{`"deliver_subject":"d..x"`, `10112 invalid push consumer deliver subject`},
		{`"deliver_subject":"p.x"`, `10081 consumer deliver subject forms a cycle`},
		{`"deliver_subject":"d","max_waiting":1`, `10080 consumer in push mode can not set max waiting`},
		{`"deliver_subject":"d","max_ack_pending":1`, `10082 consumer requires ack policy for max ack pending`},
		{`"deliver_subject":"d","idle_heartbeat":1`, `10083 consumer idle heartbeat needs to be >= 100ms`},
		{`"deliver_subject":"d","flow_control":true`, `10108 consumer with flow control also needs heartbeats`},
		{`"deliver_subject":"d","flow_control":true,"idle_heartbeat":1000000000`, ``},
		{`"deliver_subject":"d","direct":true,"durable_name":"x"`, `10091 consumer direct requires an ephemeral consumer`},
		{`"deliver_subject":"d","direct":true`, ``},

		{`"ack_policy":"flow_control"`, `10218 flow control ack policy requires a push based consumer`},
		{`"ack_policy":"flow_control","deliver_subject":"d"`, ``},
		{`"ack_policy":"flow_control","deliver_subject":"d","max_ack_pending":-1`, `10220 flow control ack policy requires max ack pending`},
		{`"ack_policy":"flow_control","deliver_subject":"d","ack_wait":1`, `10221 flow control ack policy requires unset ack wait`},
		{`"ack_policy":"flow_control","deliver_subject":"d","backoff":[1]`, `10221 flow control ack policy requires unset ack wait`},
		{`"ack_policy":"flow_control","deliver_subject":"d","max_deliver":1`, `10222 flow control ack policy requires unset max deliver`},

		{`"opt_start_seq":1`, `10094 consumer delivery policy is deliver all, but optional start sequence is also set`},
		{`"opt_start_time":"2026-01-01T00:00:00Z"`, `10094 consumer delivery policy is deliver all, but optional start time is also set`},
		{`"deliver_policy":"last","opt_start_seq":1`, `10094 consumer delivery policy is deliver last, but optional start sequence is also set`},
		{`"deliver_policy":"new","opt_start_time":"2026-01-01T00:00:00Z"`, `10094 consumer delivery policy is deliver new, but optional start time is also set`},
		{`"deliver_policy":"last_per_subject","opt_start_seq":1`, `10094 consumer delivery policy is deliver last per subject, but optional start sequence is also set`},
		{`"deliver_policy":"last_per_subject"`, `10094 consumer delivery policy is deliver last per subject, but optional filter subject is not set`},
		{`"deliver_policy":"last_per_subject","filter_subjects":["a"]`, ``},
		{`"deliver_policy":"by_start_sequence"`, `10094 consumer delivery policy is deliver by start sequence, but optional start sequence is not set`},
		{`"deliver_policy":"by_start_sequence","opt_start_seq":1,"opt_start_time":"2026-01-01T00:00:00Z"`, `10094 consumer delivery policy is deliver by start sequence, but optional start time is also set`},
		{`"deliver_policy":"by_start_time"`, `10094 consumer delivery policy is deliver by start time, but optional start time is not set`},
		{`"deliver_policy":"by_start_time","opt_start_seq":1,"opt_start_time":"2026-01-01T00:00:00Z"`, `10094 consumer delivery policy is deliver by start time, but optional start start sequence is also set`},
		{`"deliver_policy":"by_start_time","opt_start_time":"2026-01-01T00:00:00Z"`, ``},

		{`"priority_policy":"overflow"`, `10159 Setting PriorityPolicy requires at least one PriorityGroup to be set`},
		{`"priority_groups":["A"]`, `10196 consumer can not have priority groups when policy is none`},
		{`"priority_timeout":1`, `10197 PinnedTTL cannot be set when PriorityPolicy is none`},
		{`"priority_policy":"overflow","priority_groups":[""]`, `10161 Group name cannot be an empty string`},
		{`"priority_policy":"overflow","priority_groups":["a b"]`, `10162 Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters`},
		{`"priority_policy":"overflow","priority_groups":["A"],"deliver_subject":"d"`, `10178 priority groups can not be used with push consumers`},
	} {
		w := free()
		limits := Unlimited()
		limits.MaxAckPending = 3000
		w.Tiers = Tiers{"": limits}
		w.Server.MaxAckPending, w.Server.MaxRequestBatch = 5000, 100
		r := consumerRequest(t, `{"stream_name":"P","config":{`+tt.config+`}}`)
		if _, err := CheckConsumer(&r.Config, plainStream(), w, false); !says(err, tt.want) {
			t.Errorf("%.200s:\ngot  %v\nwant %s", tt.config, err, tt.want)
		}
	}
	for want, c := range map[string]*ConsumerConfig{
		"10078 consumer config required":       nil,
		"10181 consumer ack policy invalid":    {AckPolicy: 9},
		"10182 consumer replay policy invalid": {ReplayPolicy: 9},
		"10052 invalid deliver policy":         {DeliverPolicy: 9},
		"10052 invalid priority policy":        {PriorityPolicy: 9},
	} {
		if _, err := CheckConsumer(c, plainStream(), free(), false); !says(err, want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	w := free()
	w.Tiers = nil
	if _, err := CheckConsumer(&ConsumerConfig{}, plainStream(), w, false); !says(err, "10120 no JetStream default or applicable tiered limit present") {
		t.Errorf("got %v", err)
	}
}

func TestConsumersOfStreamsWithLimits(t *testing.T) {
	limited := stream(t, `{"name":"L","consumer_limits":{"max_ack_pending":10,"inactive_threshold":1000000000}}`)
	queue := stream(t, `{"name":"Q","retention":"workqueue","num_replicas":3}`)
	for _, tt := range []struct {
		stream       *StreamConfig
		config, want string
	}{
		{limited, `"ack_policy":"explicit","max_ack_pending":11`, "10121 consumer max ack pending exceeds system limit of 10"},
		{limited, `"ack_policy":"explicit","inactive_threshold":2000000000`, "10153 consumer inactive threshold exceeds system limit of 1s"},
		{limited, `"ack_policy":"explicit"`, ""},
		{queue, `"ack_policy":"none"`, "10084 consumer in pull mode requires explicit ack policy on workqueue stream"},
		{queue, `"ack_policy":"explicit","num_replicas":1`, "10134 consumer config replicas must match interest retention stream's replicas"},
		{queue, `"ack_policy":"explicit","num_replicas":3`, ""},
		{queue, `"ack_policy":"explicit"`, ""},
	} {
		r := consumerRequest(t, `{"config":{`+tt.config+`}}`)
		c, err := CheckConsumer(&r.Config, tt.stream, free(), false)
		if !says(err, tt.want) {
			t.Errorf("%s: %v, want %s", tt.config, err, tt.want)
		}
		if err == nil && tt.stream == limited && (c.MaxAckPending != 10 || c.InactiveThreshold != time.Second) {
			t.Errorf("%s: it inherited %+v", tt.config, c)
		}
	}
}

func TestPedanticConsumers(t *testing.T) {
	limited := stream(t, `{"name":"L","consumer_limits":{"max_ack_pending":10,"inactive_threshold":1000000000}}`)
	for _, tt := range []struct {
		stream       *StreamConfig
		config, want string
	}{
		{plainStream(), `"max_deliver":-2`, "max_deliver must be set to -1"},
		{plainStream(), `"max_waiting":-1`, "max_waiting must not be negative"},
		{plainStream(), `"max_ack_pending":-2`, "max_ack_pending must be set to -1"},
		{plainStream(), `"max_batch":-1`, "max_batch must not be negative"},
		{plainStream(), `"max_expires":-1`, "max_expires must not be negative"},
		{plainStream(), `"max_bytes":-1`, "max_bytes must not be negative"},
		{plainStream(), `"idle_heartbeat":-1`, "idle_heartbeat must not be negative"},
		{plainStream(), `"inactive_threshold":-1`, "inactive_threshold must not be negative"},
		{plainStream(), `"priority_timeout":-1`, "priority_timeout must not be negative"},
		{plainStream(), `"backoff":[5]`, "first backoff value has to equal batch AckWait"},
		{limited, ``, "max_ack_pending must be set if it's configured in stream limits"},
		{limited, `"max_ack_pending":5`, "inactive_threshold must be set if it's configured in stream limits"},
		{plainStream(), ``, "max_request_batch must be set if it's JetStream limits are set"},
	} {
		w := free()
		w.Server.MaxRequestBatch = 100
		r := consumerRequest(t, `{"config":{`+tt.config+`},"pedantic":true}`)
		if _, err := CheckConsumer(&r.Config, tt.stream, w, true); !says(err, "10157 pedantic mode: "+tt.want) {
			t.Errorf("%s: %v, want %s", tt.config, err, tt.want)
		}
		if tt.stream == limited || tt.config == "" {
			continue
		}
		if _, err := CheckConsumer(&r.Config, tt.stream, w, false); err != nil {
			t.Errorf("%s, not pedantic: %v", tt.config, err)
		}
	}
	for text, want := range map[string]string{
		`"deliver_subject":"d","ack_policy":"flow_control"`:                                                 "10219 flow control ack policy requires flow control",
		`"deliver_subject":"d","ack_policy":"flow_control","flow_control":true,"idle_heartbeat":2000000000`: "10052 flow control ack policy heartbeat needs to be 1s",
		`"deliver_subject":"d","ack_policy":"flow_control","flow_control":true,"idle_heartbeat":1000000000`: "",
	} {
		r := consumerRequest(t, `{"config":{`+text+`}}`)
		if _, err := CheckConsumer(&r.Config, plainStream(), free(), true); !says(err, want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

func TestDefaultsOfConsumers(t *testing.T) {
	tight := free()
	limits := Unlimited()
	limits.MaxAckPending = 70
	tight.Tiers = Tiers{"": limits}
	tight.Server.MaxAckPending, tight.Server.MaxRequestBatch = 80, 50
	for _, tt := range []struct {
		w            *World
		config, want string
	}{
		{free(), `"ack_policy":"explicit"`, `{"deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"inactive_threshold":5000000000,"num_replicas":0}`},
		{free(), ``, `{"deliver_policy":"all","ack_policy":"none","max_deliver":-1,"replay_policy":"instant","max_waiting":512,"inactive_threshold":5000000000,"num_replicas":0}`},
		{free(), `"durable_name":"d","ack_policy":"all","deliver_subject":"x"`, `{"durable_name":"d","name":"d","deliver_policy":"all","ack_policy":"all","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant","max_ack_pending":1000,"deliver_subject":"x","num_replicas":0}`},
		{tight, `"durable_name":"d","ack_policy":"explicit"`, `{"durable_name":"d","name":"d","deliver_policy":"all","ack_policy":"explicit","ack_wait":30000000000,"max_deliver":-1,"replay_policy":"instant","max_waiting":512,"max_ack_pending":70,"max_batch":50,"num_replicas":0}`},
		{free(), `"durable_name":"d","ack_policy":"explicit","backoff":[3,4],"ack_wait":9`, `{"durable_name":"d","name":"d","deliver_policy":"all","ack_policy":"explicit","ack_wait":3,"max_deliver":-1,"backoff":[3,4],"replay_policy":"instant","max_waiting":512,"max_ack_pending":1000,"num_replicas":0}`},
		{free(), `"durable_name":"d","ack_policy":"flow_control","deliver_subject":"x"`, `{"durable_name":"d","name":"d","deliver_policy":"all","ack_policy":"flow_control","max_deliver":-1,"replay_policy":"instant","max_ack_pending":1000,"flow_control":true,"deliver_subject":"x","idle_heartbeat":1000000000,"num_replicas":0}`},
		{free(), `"durable_name":"d","max_ack_pending":-1,"max_waiting":-1,"max_batch":-1,"max_bytes":-1,"max_expires":-1,"backoff":[],"filter_subjects":[],"priority_groups":[],"metadata":{}`, `{"durable_name":"d","name":"d","deliver_policy":"all","ack_policy":"none","max_deliver":-1,"replay_policy":"instant","max_waiting":512,"max_ack_pending":-1,"num_replicas":0}`},
	} {
		r := consumerRequest(t, `{"config":{`+tt.config+`}}`)
		c, err := CheckConsumer(&r.Config, plainStream(), tt.w, false)
		if err != nil {
			t.Errorf("%s: %v", tt.config, err)
			continue
		}
		if got := toJSON(t, c); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.config, got, tt.want)
		}
	}
}

func TestSubjectsOfConsumerRequests(t *testing.T) {
	for _, tt := range []struct{ subject, request, name, want string }{
		{"CREATE.S", `{"stream_name":"S"}`, "", ""},
		{"CREATE.S", `{"stream_name":"S","config":{"name":"C"}}`, "C", ""},
		{"CREATE.S", `{"stream_name":"S","config":{"durable_name":"C"}}`, "", "10020 consumer expected to be ephemeral but a durable name was set in request"},
		{"CREATE.S", `{"stream_name":"S","config":{"name":"a/b"}}`, "", "10127 Consumer name can not contain path separators"},
		{"CREATE.S.C", `{"stream_name":"S"}`, "C", ""},
		{"CREATE.S.C", `{"stream_name":"S","config":{"name":"other"}}`, "C", ""},
		{"CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C"}}`, "C", ""},
		{"CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"D"}}`, "", "10017 consumer name in subject does not match durable name in request"},
		{"CREATE.S.C", `{"stream_name":"T"}`, "", "10056 stream name in subject does not match request"},
		{"CREATE.S.C", `{}`, "", "10056 stream name in subject does not match request"},
		{`CREATE.S.a\b`, `{"stream_name":"S"}`, "", "10127 Consumer name can not contain path separators"},
		{"CREATE.S.C.a.*", `{"stream_name":"S","config":{"filter_subject":"a.*"}}`, "C", ""},
		{"CREATE.S.C.a", `{"stream_name":"S","config":{"filter_subject":"b"}}`, "", "10131 Consumer create request did not match filtered subject from create subject"},
		{"CREATE.S.C.a", `{"stream_name":"S"}`, "", "10131 Consumer create request did not match filtered subject from create subject"},
		{"CREATE.S.C.a", `{"stream_name":"S","config":{"filter_subjects":["a"]}}`, "", "10137 consumer with multiple subject filters cannot use subject based API"},
		{"CREATE.S.C", `{"stream_name":"S","config":{"num_replicas":3}}`, "", "10074 replicas > 1 not supported in non-clustered mode"},
		{"DURABLE.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"C"}}`, "C", ""},
		{"DURABLE.CREATE.S.C", `{"stream_name":"S"}`, "", "10018 consumer expected to be durable but a durable name was not set"},
		{"DURABLE.CREATE.S.C", `{"stream_name":"S","config":{"durable_name":"D"}}`, "", "10017 consumer name in subject does not match durable name in request"},
		{"DURABLE.CREATE.S", `{"stream_name":"S","config":{"durable_name":"D"}}`, "", "10016 consumer expected to be durable but no durable name set in subject"},
		{"DURABLE.CREATE.S.C.D", `{"stream_name":"S","config":{"durable_name":"D"}}`, "", "10016 consumer expected to be durable but no durable name set in subject"},
	} {
		route, ok := ParseSubject("$JS.API.CONSUMER." + tt.subject)
		if !ok {
			t.Errorf("%s has no route", tt.subject)
			continue
		}
		r := consumerRequest(t, tt.request)
		if err := r.CheckRoute(route, true); !says(err, tt.want) || err == nil && r.Config.Name != tt.name {
			t.Errorf("%s %s: %v, name %q, want %s", tt.subject, tt.request, err, r.Config.Name, tt.want)
		}
	}
}

func TestConsumersArePlaced(t *testing.T) {
	for _, tt := range []struct {
		old, request, state, want string
	}{
		{``, `"config":{"name":"C"}`, "new", ""},
		{``, `"config":{"name":"C"},"action":"create"`, "new", ""},
		{``, `"config":{"name":"C"},"action":"update"`, "", "10149 consumer does not exist"},
		{`"name":"C"`, `"config":{"name":"C"}`, "same", ""},
		{`"name":"C"`, `"config":{"name":"C"},"action":"create"`, "same", ""},
		{`"name":"C"`, `"config":{"name":"C"},"action":"update"`, "same", ""},
		{`"name":"C"`, `"config":{"name":"C","metadata":{"_nats.req.level":"9","_nats.ver":"x"}},"action":"create"`, "same", ""},
		{`"name":"C"`, `"config":{"name":"C","description":"d"}`, "changed", ""},
		{`"name":"C"`, `"config":{"name":"C","description":"d"},"action":"update"`, "changed", ""},
		{`"name":"C"`, `"config":{"name":"C","description":"d"},"action":"create"`, "", "10148 consumer already exists"},
		{`"name":"C"`, `"config":{"name":"D"}`, "new", ""},
		{`"name":"C"`, `"config":{}`, "new", ""},
		{`"name":"C"`, `"config":{"name":"C","pause_until":"2030-01-01T00:00:00Z"},"action":"create"`, "same", ""},
		{`"name":"C","pause_until":"2030-01-01T00:00:00Z"`, `"config":{"name":"C"}`, "same", ""},

		{`"name":"C"`, `"config":{"name":"C","deliver_policy":"new"}`, "", "10012 deliver policy can not be updated"},
		{`"name":"C"`, `"config":{"name":"C","mem_storage":true}`, "", "10012 storage type can not be updated"},
		{`"name":"C","deliver_subject":"d"`, `"config":{"name":"C","deliver_subject":"d","direct":true}`, "", "10012 direct can not be updated"},
		{`"name":"C"`, `"config":{"name":"C","sourcing":true}`, "", "10012 sourcing can not be updated"},
		{`"name":"C","deliver_policy":"by_start_sequence","opt_start_seq":1`, `"config":{"name":"C","deliver_policy":"by_start_sequence","opt_start_seq":2}`, "", "10012 start sequence can not be updated"},
		{`"name":"C","deliver_policy":"by_start_time","opt_start_time":"2026-01-01T00:00:00Z"`, `"config":{"name":"C","deliver_policy":"by_start_time","opt_start_time":"2026-01-01T00:00:01Z"}`, "", "10012 start time can not be updated"},
		{`"name":"C","deliver_policy":"by_start_time","opt_start_time":"2026-01-01T00:00:00Z"`, `"config":{"name":"C","deliver_policy":"by_start_time","opt_start_time":"2026-01-01T01:00:00+01:00"}`, "same", ""},
		{`"name":"C"`, `"config":{"name":"C","ack_policy":"explicit"}`, "", "10012 ack policy can not be updated"},
		{`"name":"C"`, `"config":{"name":"C","replay_policy":"original"}`, "", "10012 replay policy can not be updated"},
		{`"name":"C","deliver_subject":"d"`, `"config":{"name":"C","deliver_subject":"d","idle_heartbeat":1000000000}`, "", "10012 heart beats can not be updated"},
		{`"name":"C","deliver_subject":"d","idle_heartbeat":1000000000`, `"config":{"name":"C","deliver_subject":"d","idle_heartbeat":1000000000,"flow_control":true}`, "", "10012 flow control can not be updated"},
		{`"name":"C"`, `"config":{"name":"C","deliver_subject":"d"}`, "", "10012 can not update pull consumer to push based"},
		{`"name":"C","deliver_subject":"d"`, `"config":{"name":"C"}`, "", "10012 can not update push consumer to pull based"},
		{`"name":"C","deliver_subject":"d"`, `"config":{"name":"C","deliver_subject":"e"}`, "changed", ""},
		{`"name":"C","deliver_subject":"bound"`, `"config":{"name":"C","deliver_subject":"e"}`, "", "10013 consumer name already in use"},
		{`"name":"C","deliver_subject":"bound"`, `"config":{"name":"C","deliver_subject":"bound","description":"d"}`, "changed", ""},
		{`"name":"C"`, `"config":{"name":"C","max_waiting":3}`, "", "10012 max waiting can not be updated"},
		{`"name":"C"`, `"config":{"name":"C","backoff":[1,2],"max_deliver":1}`, "", "10116 max deliver is required to be > length of backoff values"},
		{`"name":"C"`, `"config":{"name":"C","ack_wait":5,"max_deliver":4,"filter_subject":"p.x","sample_freq":"5","max_ack_pending":7,"headers_only":true,"max_batch":3,"max_bytes":9,"metadata":{"k":"v"}}`, "changed", ""},
	} {
		var consumers []*ConsumerConfig
		if tt.old != "" {
			r := consumerRequest(t, `{"stream_name":"P","config":{`+tt.old+`}}`)
			plan, err := PlaceConsumer(r, plainStream(), nil, false, free())
			if err != nil {
				t.Fatalf("%s: %v", tt.old, err)
			}
			consumers = append(consumers, &ConsumerConfig{Name: "other"}, plan.Config)
		}
		r := consumerRequest(t, `{"stream_name":"P",`+tt.request+`}`)
		plan, err := PlaceConsumer(r, plainStream(), consumers, strings.Contains(tt.old, "bound"), free())
		state := ""
		switch {
		case err != nil:
		case plan.Old == nil && plan.Changed:
			state = "new"
		case plan.Old == consumers[1] && plan.Changed:
			state = "changed"
		case plan.Old == consumers[1]:
			state = "same"
		}
		if state != tt.state || !says(err, tt.want) {
			t.Errorf("%s, %s: %q %v, want %q %s", tt.old, tt.request, state, err, tt.state, tt.want)
		}
	}
}

func TestNoMessageOfAWorkQueueIsForTwo(t *testing.T) {
	queue := stream(t, `{"name":"Q","subjects":["q.>"],"retention":"workqueue"}`)
	explicit := func(name string, filters ...string) *ConsumerConfig {
		return &ConsumerConfig{Name: name, AckPolicy: AckExplicit, FilterSubjects: filters}
	}
	hidden := &ConsumerConfig{Name: "H", Direct: true, Sourcing: true, DeliverSubject: "d"}
	for _, tt := range []struct {
		others []*ConsumerConfig
		config *ConsumerConfig
		want   string
	}{
		{nil, &ConsumerConfig{Name: "C", AckPolicy: AckAll}, "10098 workqueue stream requires explicit ack"},
		{nil, &ConsumerConfig{Name: "C", DeliverSubject: "d"}, "10098 workqueue stream requires explicit ack"},
		{nil, &ConsumerConfig{Name: "C", AckPolicy: AckFlowControl, DeliverSubject: "d"}, ""},
		{nil, &ConsumerConfig{Name: "C", AckPolicy: AckExplicit, DeliverPolicy: DeliverNew}, "10101 consumer must be deliver all on workqueue stream"},
		{nil, explicit("C"), ""},
		{[]*ConsumerConfig{hidden}, explicit("C"), ""},
		{[]*ConsumerConfig{explicit("A", "q.a")}, explicit("C"), "10099 multiple non-filtered consumers not allowed on workqueue stream"},
		{[]*ConsumerConfig{explicit("A")}, explicit("C", "q.a"), "10100 filtered consumer not unique on workqueue stream"},
		{[]*ConsumerConfig{explicit("A", "q.*")}, explicit("C", "q.x"), "10100 filtered consumer not unique on workqueue stream"},
		{[]*ConsumerConfig{explicit("A", "q.a"), explicit("B", "q.b.>")}, explicit("C", "q.c", "q.*.x"), "10100 filtered consumer not unique on workqueue stream"},
		{[]*ConsumerConfig{explicit("A", "q.a"), explicit("B", "q.b.>")}, explicit("C", "q.c"), ""},
		{[]*ConsumerConfig{explicit("A", "q.a")}, hidden, ""},
		{[]*ConsumerConfig{explicit("A", "q.a"), explicit("C", "q.c")}, explicit("C", "q.d"), ""},
		{[]*ConsumerConfig{explicit("A", "q.a"), explicit("C", "q.c")}, explicit("C", "q.*"), "10100 filtered consumer not unique on workqueue stream"},
		{[]*ConsumerConfig{explicit("A", "q.a"), explicit("C", "q.c")}, explicit("C"), "10099 multiple non-filtered consumers not allowed on workqueue stream"},
	} {
		var others []*ConsumerConfig
		for _, c := range tt.others {
			complete, err := CheckConsumer(c, queue, free(), false)
			if err != nil {
				t.Fatal(err)
			}
			others = append(others, complete)
		}
		if _, err := PlaceConsumer(&ConsumerRequest{Config: *tt.config}, queue, others, false, free()); !says(err, tt.want) {
			t.Errorf("%+v: %v, want %s", tt.config, err, tt.want)
		}
	}
}

func TestTheNumberOfConsumersIsLimited(t *testing.T) {
	for _, tt := range []struct {
		ofStream, ofAccount, present int
		want                         string
	}{
		{-1, -1, 5, ""},
		{2, -1, 1, ""},
		{2, -1, 2, "10026 maximum consumers limit reached"},
		{-1, 2, 2, "10026 maximum consumers limit reached"},
		{5, 2, 2, "10026 maximum consumers limit reached"},
		{2, 5, 2, "10026 maximum consumers limit reached"},
		{3, 5, 2, ""},
	} {
		c := plainStream()
		c.MaxConsumers = tt.ofStream
		w := free()
		limits := Unlimited()
		limits.MaxConsumers = tt.ofAccount
		w.Tiers = Tiers{"": limits}
		consumers := []*ConsumerConfig{{Name: "hidden", Direct: true}}
		for i := range tt.present {
			consumers = append(consumers, &ConsumerConfig{Name: fmt.Sprint(i)})
		}
		if _, err := PlaceConsumer(&ConsumerRequest{}, c, consumers, false, w); !says(err, tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestConsumersOfOtherServers(t *testing.T) {
	created := at(5)
	header := func(identity string) []byte {
		return []byte("NATS/1.0\r\nNats-Stream-Identity: " + identity + "\r\n\r\n")
	}
	internal := ConsumerRequest{Config: ConsumerConfig{Sourcing: true}}
	for _, tt := range []struct {
		r          ConsumerRequest
		header     []byte
		identity   string
		mismatched bool
	}{
		{internal, nil, Identity(created), false},
		{internal, header(Identity(created)), Identity(created), false},
		{internal, header("x"), "", true},
		{ConsumerRequest{}, header("x"), "", false},
	} {
		identity, err := tt.r.CheckIdentity(tt.header, created)
		if identity != tt.identity || errors.Is(err, ErrConsumerStreamIdentityMismatch) != tt.mismatched {
			t.Errorf("%s: %q %v", tt.header, identity, err)
		}
	}

	sourcing := ConsumerConfig{Name: "N", Direct: true, Sourcing: true, DeliverSubject: "d", AckWait: 5, MaxDeliver: 1, InactiveThreshold: 5}
	for _, tt := range []struct {
		retention RetentionPolicy
		change    func(*ConsumerConfig)
		want      ConsumerConfig
	}{
		{RetentionLimits, func(*ConsumerConfig) {}, ConsumerConfig{Name: "N-suffix", Direct: true, Sourcing: true, DeliverSubject: "d", AckWait: 5, MaxDeliver: 1, InactiveThreshold: 5}},
		{RetentionWorkQueue, func(*ConsumerConfig) {}, ConsumerConfig{Name: "N", Durable: "N", Sourcing: true, DeliverSubject: "d", AckPolicy: AckFlowControl}},
		{RetentionWorkQueue, func(c *ConsumerConfig) { c.Direct = false }, ConsumerConfig{Name: "N", Sourcing: true, DeliverSubject: "d", AckWait: 5, MaxDeliver: 1, InactiveThreshold: 5}},
		{RetentionLimits, func(c *ConsumerConfig) { c.Name = "" }, ConsumerConfig{Direct: true, Sourcing: true, DeliverSubject: "d", AckWait: 5, MaxDeliver: 1, InactiveThreshold: 5}},
	} {
		r := ConsumerRequest{Config: sourcing}
		tt.change(&r.Config)
		r.AdaptSourcing(&StreamConfig{Retention: tt.retention}, "suffix")
		if toJSON(t, r.Config) != toJSON(t, tt.want) {
			t.Errorf("%v: %+v", tt.retention, r.Config)
		}
	}
}

func TestADurableSourcingConsumerKeepsItsStart(t *testing.T) {
	c := plainStream()
	c.Retention = RetentionInterest
	old := &ConsumerConfig{Name: "N", Durable: "N", Sourcing: true, AckPolicy: AckFlowControl, DeliverSubject: "d", DeliverPolicy: DeliverByStartSequence, StartSequence: 5}
	first, err := PlaceConsumer(&ConsumerRequest{Config: *old}, c, nil, false, free())
	if err != nil {
		t.Fatal(err)
	}
	again := *old
	again.DeliverPolicy, again.StartSequence = DeliverAll, 0
	plan, err := PlaceConsumer(&ConsumerRequest{Config: again}, c, []*ConsumerConfig{first.Config}, false, free())
	if err != nil || plan.Changed {
		t.Errorf("got %+v, %v", plan.Config, err)
	}
}

func TestWhereConsumersCanBeReset(t *testing.T) {
	for _, tt := range []struct {
		config   ConsumerConfig
		sequence uint64
		want     string
	}{
		{ConsumerConfig{DeliverPolicy: DeliverNew}, 0, ""},
		{ConsumerConfig{}, 1, ""},
		{ConsumerConfig{DeliverPolicy: DeliverByStartSequence, StartSequence: 5}, 5, ""},
		{ConsumerConfig{DeliverPolicy: DeliverByStartSequence, StartSequence: 5}, 4, "10204 invalid reset: below start seq"},
		{ConsumerConfig{DeliverPolicy: DeliverByStartTime}, 7, ""},
		{ConsumerConfig{DeliverPolicy: DeliverByStartTime}, 6, "10204 invalid reset: below start time"},
		{ConsumerConfig{DeliverPolicy: DeliverNew}, 9, "10204 invalid reset: not allowed"},
		{ConsumerConfig{DeliverPolicy: DeliverLast}, 9, "10204 invalid reset: not allowed"},
		{ConsumerConfig{DeliverPolicy: DeliverLastPerSubject}, 9, "10204 invalid reset: not allowed"},
	} {
		if err := (&ResetRequest{tt.sequence}).CheckReset(&tt.config, 7); !says(err, tt.want) {
			t.Errorf("%v to %d: %v", tt.config.DeliverPolicy, tt.sequence, err)
		}
	}
}

func TestACompleteConsumerIsComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seldom := func(label string) bool { return rapid.IntRange(0, 5).Draw(t, label) == 0 }
		c := &ConsumerConfig{
			Name:          "C",
			AckPolicy:     AckPolicy(rapid.IntRange(0, 3).Draw(t, "ack")),
			DeliverPolicy: DeliverPolicy(rapid.IntRange(0, 2).Draw(t, "deliver")),
			MaxDeliver:    rapid.IntRange(-3, 3).Draw(t, "max deliver"),
			MaxWaiting:    rapid.IntRange(-1, 1).Draw(t, "waiting"),
			MaxAckPending: rapid.IntRange(-2, 3).Draw(t, "pending"),
			AckWait:       time.Duration(rapid.IntRange(0, 3).Draw(t, "wait")),
			Replicas:      rapid.IntRange(0, 1).Draw(t, "replicas"),
		}
		if seldom("durable") {
			c.Durable = "C"
		}
		if seldom("push") {
			c.DeliverSubject, c.MaxWaiting = "d", 0
		}
		if seldom("backoff") {
			c.BackOff = []time.Duration{1, 2}
		}
		if seldom("pinned") {
			c.PriorityPolicy, c.PriorityGroups = PriorityPinned, []string{"A"}
		}
		if seldom("filter") {
			c.FilterSubjects = []string{"p.a", "p.*.x"}
		}
		w := free()
		w.Server.MaxRequestBatch = rapid.IntRange(0, 5).Draw(t, "batch")
		s := plainStream()
		s.Retention = RetentionPolicy(rapid.IntRange(0, 2).Draw(t, "retention"))
		s.ConsumerLimits.MaxAckPending = rapid.IntRange(0, 3).Draw(t, "limit")
		plan, err := PlaceConsumer(&ConsumerRequest{Config: *c}, s, nil, false, w)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no error of the API", err)
			}
			return
		}
		again, err := PlaceConsumer(&ConsumerRequest{Config: *plan.Config, Action: ActionCreate, Pedantic: true}, s, []*ConsumerConfig{plan.Config}, true, w)
		if err != nil || again.Changed {
			t.Fatalf("%+v became %+v: %v", plan.Config, again.Config, err)
		}
	})
}

// FuzzConsumers creates consumers from anything, and the same ones again.
func FuzzConsumers(f *testing.F) {
	f.Add([]byte(`{"stream_name":"P","config":` + fullConsumer + `}`))
	f.Add([]byte(`{"stream_name":"P","config":{"durable_name":"d","ack_policy":"explicit","filter_subjects":["p.*","p.a.>"],"backoff":[1]}}`))
	f.Add([]byte(`{"stream_name":"P","config":{"ack_policy":"flow_control","deliver_subject":"d"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r ConsumerRequest
		if _, err := Decode(data, &r, true); err != nil {
			return
		}
		r.Action = ActionCreateOrUpdate
		s := plainStream()
		plan, err := PlaceConsumer(&r, s, nil, false, free())
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no error of the API", err)
		}
		if err != nil || plan.Config.Name == "" {
			return
		}
		r.Config, r.Pedantic = *PresentConsumer(plan.Config, "9.9.9"), false
		again, err := PlaceConsumer(&r, s, []*ConsumerConfig{plan.Config}, true, free())
		if err != nil || again.Changed || again.Old != plan.Config {
			t.Fatalf("%s became %s: %v", toJSON(t, plan.Config), toJSON(t, again.Config), err)
		}
	})
}
