package legacy

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"
)

func TestMetaRoundTrip(t *testing.T) {
	for _, text := range []string{
		`{"Created":"2026-11-24T06:09:31.672173055Z","name":"ONE","subjects":["one.\u003e"],"retention":"limits","max_consumers":-1,"compression":"none","metadata":{"_nats.req.level":"0"}}`,
		`{"Created":"2026-11-24T06:09:31Z","Name":"C1","durable_name":"C1","name":"C1","deliver_policy":"all"}`,
		`{"Created":"0001-01-01T00:00:00Z"}`,
		`{"Created":"2026-11-24T06:09:31Z","num":12345678901234567890,"x":null}`,
	} {
		m, err := DecodeMeta([]byte(text))
		must(t, err)
		got, err := m.Append(nil)
		must(t, err)
		same(t, "bytes", text, string(got))
	}
	m, err := DecodeMeta([]byte(`{"Created":"2026-11-24T06:09:31.5Z","Name":"C1","name":"C1"}`))
	must(t, err)
	same(t, "meta", Meta{Created: time.Date(2026, 11, 24, 6, 9, 31, 5e8, time.UTC), Name: "C1", Config: json.RawMessage(`{"name":"C1"}`)}, m)
}

func TestMetaRefuses(t *testing.T) {
	for _, text := range []string{``, `[]`, `null`, `{`, `{"Created":7}`, `{"Created":"yesterday"}`, `{"Created":"0000-01-01T00:00:00+01:00"}`, `{"Name":1}`, `{}x`, `{"a":1}{}`} {
		if _, err := DecodeMeta([]byte(text)); !errors.Is(err, ErrMeta) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, m := range []Meta{{Config: []byte(`[]`)}, {Config: []byte(`{`)}, {Config: nil}, {Created: time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC), Config: []byte(`{}`)}} {
		if _, err := m.Append(nil); !errors.Is(err, ErrMeta) {
			t.Errorf("%+v: %v", m, err)
		}
	}
}

// FuzzMeta: what is read can be written, and is then the same.
func FuzzMeta(f *testing.F) {
	f.Add([]byte(`{"Created":"2026-11-24T06:09:31.672173055Z","name":"ONE","subjects":["one.\u003e"]}`))
	f.Add([]byte(`{"Created":"2026-11-24T06:09:31+02:00","Name":"C","a":{"b":[1,2]},"a":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := DecodeMeta(text)
		if err != nil {
			return
		}
		again, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := DecodeMeta(again)
		if err != nil {
			t.Fatal(err)
		}
		twice, err := n.Append(nil)
		if err != nil || !bytes.Equal(again, twice) {
			t.Fatalf("%q\n%q\n%v", again, twice, err)
		}
	})
}
