package stream

import (
	"strings"
	"time"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/store/memory"
)

// base is the time at which tests begin.
var base = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()

const second = int64(time.Second)

// subjects is a set of subjects that are wanted.
type subjects []string

func (s subjects) HasInterest(of []byte) bool {
	f, err := store.NewFilter(s...)
	return len(s) > 0 && err == nil && f.Match(of)
}

// A tester is a test, a benchmark or a property.
type tester interface {
	Helper()
	Error(...any)
	Errorf(string, ...any)
	Fatal(...any)
	Fatalf(string, ...any)
}

// A rig is a stream over a memory store, with its clock.
type rig struct {
	t      tester
	stream *Stream
	store  store.Stream
	out    Result
	now    int64
}

// configured returns a valid configuration: stream D with the subjects d.>.
func configured(change func(*api.StreamConfig)) *api.StreamConfig {
	c := &api.StreamConfig{
		Name: "D", Subjects: []string{"d.>"}, MaxConsumers: -1, MaxMessages: -1, MaxBytes: -1, MaxPerSubject: -1,
		MaxMessageSize: -1, Storage: api.MemoryStorage, Replicas: 1, DuplicateWindow: 2 * time.Minute,
	}
	if change != nil {
		change(c)
	}
	return c
}

func newRig(t tester, change func(*api.StreamConfig), options ...func(*Options)) *rig {
	t.Helper()
	config := configured(change)
	r := &rig{t: t, now: base}
	kept, err := memory.NewStream(store.Options{
		Limits: Limits(config), FirstSequence: config.FirstSequence,
		OnRemove: func(removal store.Removal) {
			if r.stream != nil {
				r.stream.Removed(removal)
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Zone: time.LoadLocation}
	for _, set := range options {
		set(&o)
	}
	r.store = kept
	if r.stream, err = New(config, kept, o); err != nil {
		t.Fatal(err)
	}
	return r
}

// block is a header block of lines "name: value".
func block(lines ...string) []byte {
	if len(lines) == 0 {
		return nil
	}
	return []byte("NATS/1.0\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n")
}

// publishOn publishes one message that wants its answer at reply, and returns the
// answers.
func (r *rig) publishOn(reply, subject, payload string, lines ...string) []string {
	r.t.Helper()
	r.out.Reset()
	in := []Incoming{{Subject: []byte(subject), Reply: []byte(reply), Header: block(lines...), Payload: []byte(payload)}}
	if err := r.stream.Publish(in, r.now, &r.out); err != nil {
		r.t.Fatal(err)
	}
	if len(r.out.Outcomes) != 1 {
		r.t.Fatalf("%d outcomes of one message", len(r.out.Outcomes))
	}
	return r.answers()
}

func (r *rig) answers() (texts []string) {
	for _, a := range r.out.Answers {
		texts = append(texts, string(a.Body))
	}
	return texts
}

// publish publishes one message and returns the answer, which must be one.
func (r *rig) publish(subject, payload string, lines ...string) string {
	r.t.Helper()
	answers := r.publishOn("_INBOX.1", subject, payload, lines...)
	if len(answers) != 1 {
		r.t.Fatalf("answers %q to one message", answers)
	}
	return answers[0]
}

// expect publishes a message and checks the answer.
func (r *rig) expect(answer, subject, payload string, lines ...string) {
	r.t.Helper()
	if got := r.publish(subject, payload, lines...); got != answer {
		r.t.Errorf("publish on %s with %q\n got %s\nwant %s", subject, lines, got, answer)
	}
}

// refused is the answer with an error of the stream D.
func refused(err *api.Error) string {
	return string(api.AppendPubAckError(nil, "D", err))
}

// advance lets time pass until nothing is due at its end.
func (r *rig) advance(d time.Duration) {
	r.t.Helper()
	r.now += int64(d)
	r.out.Reset()
	for i := 0; r.stream.Next() <= r.now; i++ {
		if i == 1000 {
			r.t.Fatalf("still due at %d: %d", r.now, r.stream.Next())
		}
		if err := r.stream.Due(r.now, &r.out); err != nil {
			r.t.Fatal(err)
		}
	}
}

// restart makes a new machine over the same store.
func (r *rig) restart() {
	r.t.Helper()
	o := r.stream.options
	r.stream.Close()
	var err error
	if r.stream, err = Restore(r.stream.Config(), r.store, o, r.now); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) update(change func(*api.StreamConfig)) {
	r.t.Helper()
	config := r.stream.Config().Clone()
	change(config)
	if err := r.stream.Update(config, r.now); err != nil {
		r.t.Fatal(err)
	}
}

// load returns the message with a sequence as text: subject, header lines, payload.
func (r *rig) load(sequence uint64) string {
	var m store.Message
	if err := r.store.Load(sequence, &m); err != nil {
		return err.Error()
	}
	return describe(m.Subject, m.Header, m.Payload)
}

func describe(subject, header, payload []byte) string {
	text := strings.TrimPrefix(strings.TrimSuffix(string(header), "\r\n\r\n"), "NATS/1.0\r\n")
	return string(subject) + "|" + strings.ReplaceAll(text, "\r\n", ",") + "|" + string(payload)
}

// sequences lists what is stored.
func (r *rig) sequences() (list []uint64) {
	if err := r.store.Each(nil, 1, func(m *store.Message) bool {
		list = append(list, m.Sequence)
		return true
	}); err != nil {
		r.t.Fatal(err)
	}
	return list
}
