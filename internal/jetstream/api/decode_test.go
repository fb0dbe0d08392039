package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestBadRequestsAreToldWhatIsWrong(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{`{"name":"S","x":1}`, `json: unknown field "x"`},
		{`{"name":`, `unexpected EOF`},
		{`{"name":"S"`, `unexpected EOF`},
		{`{"name":}`, `invalid character '}' looking for beginning of value at offset 9`},
		{`{"name":"S"}x`, `invalid character 'x' looking for beginning of value at offset 13`},
		{`{"retention":"zz"}`, `can not unmarshal "\"zz\""`},
		{`{"retention":1}`, `can not unmarshal "1"`},
		{`{"discard":"zz"}`, `can not unmarshal "\"zz\""`},
		{`{"storage":"zz"}`, `can not unmarshal "\"zz\""`},
		{`{"compression":"zz"}`, `unknown compression algorithm`},
		{`{"persist_mode":"zz"}`, `can not unmarshal "\"zz\""`},
		{`{"max_msgs":"1"}`, `json: cannot unmarshal string into Go struct field StreamRequest.StreamConfig.max_msgs of type int64`},
	} {
		var r StreamRequest
		_, err := Decode([]byte(tt.text), &r, true)
		var e *Error
		if !errors.As(err, &e) || e.ErrCode != 10025 || e.Description != "invalid JSON: "+tt.want {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
	for _, tt := range []struct{ text, want string }{
		{`{"config":{"priority_policy":"x"}}`, `unknown priority policy: "x"`},
		{`{"action":"x"}`, `unknown consumer action: "x"`},
		{`{"config":{"ack_policy":"x"}}`, `can not unmarshal "\"x\""`},
		{`{"config":{"deliver_policy":"x"}}`, `can not unmarshal "\"x\""`},
		{`{"config":{"replay_policy":"x"}}`, `can not unmarshal "\"x\""`},
		{`{"config":{"x":1}}`, `json: unknown field "x"`},
	} {
		var r ConsumerRequest
		if _, err := Decode([]byte(tt.text), &r, true); err == nil || err.Error() != "invalid JSON: "+tt.want+" (10025)" {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestUnknownKeysAreIgnoredIfNotStrict(t *testing.T) {
	var r StreamRequest
	ignored, err := Decode([]byte(`{"name":"S","x":1,"max_msgs":5}`), &r, false)
	if err != nil || ignored == nil || ignored.Error() != `json: unknown field "x"` {
		t.Errorf("got %v, %v", ignored, err)
	}
	if r.Name != "S" || r.MaxMessages != 5 {
		t.Errorf("the request is %+v", r)
	}
	if _, err := Decode([]byte(`{"name":5}`), &r, false); !errors.Is(err, ErrInvalidJSON) {
		t.Errorf("what is wrong is %v", err)
	}
}

func TestSeveralValuesAreReadIntoOne(t *testing.T) {
	var r PurgeRequest
	if _, err := Decode([]byte(` {"seq":1,"filter":"a"} {"seq":2}{}`), &r, true); err != nil || r != (PurgeRequest{Sequence: 2, Filter: "a"}) {
		t.Errorf("got %+v, %v", r, err)
	}
	if _, err := Decode(nil, &r, true); err != nil || r.Sequence != 2 {
		t.Errorf("nothing made %+v, %v", r, err)
	}
}

func TestTooLargeRequestsAreRefused(t *testing.T) {
	var r StreamRequest
	large := []byte(strings.Repeat(" ", MaxRequestBytes) + "{}")
	if _, err := Decode(large, &r, true); !errors.Is(err, ErrInvalidJSON) {
		t.Errorf("got %v", err)
	}
	if _, err := Decode(large[2:], &r, true); err != nil {
		t.Errorf("got %v", err)
	}
}

// Go: TestIsJSONObjectOrArray server/jetstream_test.go:19396
func TestWhatIsABody(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "{}": true, "\t\n\r{ }": true, "[]": true, "\t\n\r[ ]": true, `""`: false, "   ": false, "{   }": true,
		"[   ]": true, `   "text"`: false, "123": false, "true": false, "false": false, "null": false, "invalid": false,
	} {
		if got := HasBody([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
	}
	r := StreamsRequest{Subject: "a"}
	if _, err := DecodeOptional([]byte("abc"), &r, true); err != nil || r.Subject != "a" {
		t.Errorf("what is no body made %+v, %v", r, err)
	}
	if _, err := DecodeOptional([]byte(`  {"offset":-2,"subject":"b"}`), &r, true); err != nil || r != (StreamsRequest{PageRequest{-2}, "b"}) {
		t.Errorf("a body made %+v, %v", r, err)
	}
	if _, err := DecodeOptional([]byte("{"), &r, true); !errors.Is(err, ErrInvalidJSON) {
		t.Errorf("half a body is %v", err)
	}
}

func TestWhatIsEmpty(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "{}": true, " {\n} ": true, "{ }": true, " ": false, "{": false, "{}{}": false, "[]": false, "null": false, `{"a":1}`: false, "x": false, `"{}"`: false,
	} {
		if got := IsEmpty([]byte(text)); got != want {
			t.Errorf("%q: %t", text, got)
		}
		if err := CheckEmpty([]byte(text)); (err == nil) != want || err != nil && !errors.Is(err, ErrNotEmptyRequest) {
			t.Errorf("%q: %v", text, err)
		}
		var r MessageDeleteRequest
		if _, err := DecodeRequired([]byte(text), &r, true); errors.Is(err, ErrBadRequest) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzRequests reads anything as each kind of request: what could be read and is
// written can be read again, and says the same.
func FuzzRequests(f *testing.F) {
	for _, text := range []string{
		fullStream, `{"stream_name":"S","config":` + fullConsumer + `,"action":"create","pedantic":true}`,
		`{"config":` + fullStream + `,"state":{"messages":1,"first_ts":"2026-01-01T00:00:00Z"}}`,
		`{"offset":3,"subject":"a.*"}`, `{"seq":1,"no_erase":true}`, `{"filter":"a","keep":2}`, `{"pause_until":"2030-01-01T00:00:00+02:00"}`,
		`{"expires":1,"batch":2,"group":"A","min_pending":1,"priority":3}`, `{"deliver_subject":"d","chunk_size":1}`, `{"group":"g"}`, `{}{}`, `[`, ``,
		`{"discard":"NEW","persist_mode":"","deliver_policy":"undefined"}`, `{"compression":"\u0073\u0032"}`, `null`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, pair := range [][2]any{
			{new(StreamRequest), new(StreamRequest)},
			{new(ConsumerRequest), new(ConsumerRequest)},
			{new(RestoreRequest), new(RestoreRequest)},
			{new(StreamInfoRequest), new(StreamInfoRequest)},
			{new(StreamsRequest), new(StreamsRequest)},
			{new(PurgeRequest), new(PurgeRequest)},
			{new(MessageDeleteRequest), new(MessageDeleteRequest)},
			{new(SnapshotRequest), new(SnapshotRequest)},
			{new(PauseRequest), new(PauseRequest)},
			{new(UnpinRequest), new(UnpinRequest)},
			{new(ResetRequest), new(ResetRequest)},
			{new(NextRequest), new(NextRequest)},
			{new(StepDownRequest), new(StepDownRequest)},
			{new(ServerRemoveRequest), new(ServerRemoveRequest)},
			{new(StreamMoveRequest), new(StreamMoveRequest)},
			{new(MetaRescueRequest), new(MetaRescueRequest)},
		} {
			for _, strict := range []bool{true, false} {
				if _, err := Decode(data, pair[0], strict); err != nil {
					if !errors.Is(err, ErrInvalidJSON) {
						t.Fatalf("%T: %v", pair[0], err)
					}
					continue
				}
				first, err := json.Marshal(pair[0])
				if err != nil {
					t.Fatalf("%T cannot be written: %v", pair[0], err)
				}
				if _, err := Decode(first, pair[1], true); err != nil {
					t.Fatalf("%T: %s cannot be read: %v", pair[0], first, err)
				}
				if second := toJSON(t, pair[1]); second != string(first) {
					t.Fatalf("%T:\n%s became\n%s", pair[0], first, second)
				}
			}
		}
		var empty map[string]any
		valid := json.Unmarshal(data, &empty) == nil && empty != nil && len(empty) == 0
		if got := IsEmpty(data); got != (len(data) == 0 || valid) {
			t.Fatalf("%q is empty: %t", data, got)
		}
	})
}
