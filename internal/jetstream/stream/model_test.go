package stream

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/jetstream/api"
	"github.com/godwit-mq/godwit/internal/store"
	"github.com/godwit-mq/godwit/internal/wire"
)

// A model is a stream written down as the specification says it, with lists that are
// searched from end to end.
type model struct {
	config   *api.StreamConfig
	wanted   []string
	messages []modelMessage
	last     uint64
	lastID   string
	ids      map[string]modelMessage
}

type modelMessage struct {
	sequence uint64
	time     int64
	subject  string
	header   string
	payload  string
	ttl      int64
	marker   bool
}

func (m *modelMessage) size() int64 {
	return int64(len(m.subject) + len(m.header) + len(m.payload) + 16)
}

func (m *model) clone() *model {
	clone := *m
	clone.messages = slices.Clone(m.messages)
	clone.ids = make(map[string]modelMessage, len(m.ids))
	for id, known := range m.ids {
		clone.ids[id] = known
	}
	return &clone
}

func (m *model) bytes() (sum int64) {
	for i := range m.messages {
		sum += m.messages[i].size()
	}
	return sum
}

func (m *model) of(subject string) (list []modelMessage) {
	for _, message := range m.messages {
		if message.subject == subject {
			list = append(list, message)
		}
	}
	return list
}

func (m *model) lastOf(subject string) uint64 {
	list := m.of(subject)
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].sequence
}

func (m *model) remove(unwanted func(*modelMessage) bool) (removed uint64) {
	before := len(m.messages)
	m.messages = slices.DeleteFunc(slices.Clone(m.messages), func(message modelMessage) bool { return unwanted(&message) })
	return uint64(before - len(m.messages))
}

// removeOldest removes the oldest message of a subject, of all if that is empty.
func (m *model) removeOldest(subject string) {
	done := false
	m.remove(func(message *modelMessage) bool {
		if done || subject != "" && message.subject != subject {
			return false
		}
		done = true
		return true
	})
}

// enforce removes what is too much; of the whole stream only where it discards old
// messages.
func (m *model) enforce() {
	for _, message := range slices.Clone(m.messages) {
		for most := m.config.MaxPerSubject; most > 0 && int64(len(m.of(message.subject))) > most; {
			m.removeOldest(message.subject)
		}
	}
	if m.config.Discard == api.DiscardNew {
		return
	}
	for most := m.config.MaxMessages; most > 0 && int64(len(m.messages)) > most; {
		m.removeOldest("")
	}
	for most := m.config.MaxBytes; most > 0 && m.bytes() > most; {
		m.removeOldest("")
	}
}

// full is why a new message cannot be stored, or nil.
func (m *model) full(message *modelMessage, rollup bool) error {
	c := m.config
	if c.MaxBytes > 0 && message.size() > c.MaxBytes && c.Discard == api.DiscardOld {
		return store.ErrMaxBytes
	}
	if c.Discard == api.DiscardOld {
		return nil
	}
	list := m.of(message.subject)
	replaces := c.MaxPerSubject > 0 && int64(len(list)) >= c.MaxPerSubject
	switch {
	case replaces && c.DiscardNewPerSubject && !rollup:
		return store.ErrMaxPerSubject
	case c.MaxMessages > 0 && int64(len(m.messages)) >= c.MaxMessages && !replaces:
		return store.ErrMaxMessages
	case c.MaxBytes > 0 && m.bytes()+message.size() > c.MaxBytes && !(replaces && list[0].size() >= message.size()):
		return store.ErrMaxBytes
	}
	return nil
}

func (m *model) wants(subject string) bool {
	return m.config.Retention != api.RetentionInterest || slices.Contains(m.wanted, subject)
}

// publish is the whole of sections 3 and 4 of the specification for one message. It
// returns the answer.
func (m *model) publish(subject string, header []byte, payload string, now int64) string {
	get := func(name string) string { return string(wire.Header(header, name)) }
	c := m.config
	fail := func(err *api.Error) string { return refused(err) }
	if t := c.SubjectTransform; t != nil && strings.HasPrefix(subject, "in.") {
		subject = "d." + strings.TrimPrefix(subject, "in.")
	}
	if c.Sealed {
		return fail(api.ErrStreamSealed)
	}
	increment := get("Nats-Incr")
	if increment != "" {
		if _, err := strconv.ParseInt(increment, 10, 64); err != nil {
			return fail(api.ErrMessageIncrInvalid)
		}
		switch {
		case !c.AllowCounter:
			return fail(api.ErrMessageIncrDisabled)
		case payload != "":
			return fail(api.ErrMessageIncrPayload)
		case get("Nats-Rollup")+get("Nats-Expected-Stream")+get("Nats-Expected-Last-Msg-Id")+get("Nats-Expected-Last-Sequence")+get("Nats-Expected-Last-Subject-Sequence") != "":
			return fail(api.ErrMessageIncrInvalid)
		}
	}
	if name := get("Nats-Expected-Stream"); name != "" && name != c.Name {
		return fail(api.ErrStreamNotMatch)
	}
	ttlText := get("Nats-TTL")
	ttl, ttlOK := map[string]int64{"": 0, "5s": 5, "12": 12, "never": -1}[ttlText]
	if ttl != 0 && !c.AllowMessageTTL {
		return fail(api.ErrMessageTTLDisabled)
	}
	if text := get("Nats-Expected-Last-Subject-Sequence"); text != "" && text != strconv.FormatUint(m.lastOf(subject), 10) {
		return fail(api.NewStreamWrongLastSequence(m.lastOf(subject)))
	}
	if text := get("Nats-Expected-Last-Sequence"); text != "" && text != strconv.FormatUint(m.last, 10) {
		return fail(api.NewStreamWrongLastSequence(m.last))
	}
	id := get("Nats-Msg-Id")
	if known, ok := m.ids[id]; ok && c.DuplicateWindow > 0 && now < known.time+int64(c.DuplicateWindow) {
		return fmt.Sprintf(`{"stream":"D","seq":%d,"duplicate": true}`, known.sequence)
	}
	if expected := get("Nats-Expected-Last-Msg-Id"); expected != "" && expected != m.lastID {
		return fail(api.NewStreamWrongLastMsgID(m.lastID))
	}
	rollup := get("Nats-Rollup")
	if rollup != "" && (!c.AllowRollup || c.DenyPurge) {
		return fail(api.NewStreamRollupFailed(errRollupDenied))
	}
	value := ""
	if c.AllowCounter {
		if increment == "" {
			return fail(api.ErrMessageIncrMissing)
		}
		total := int64(0)
		if list := m.of(subject); len(list) > 0 {
			text := strings.TrimSuffix(strings.TrimPrefix(list[len(list)-1].payload, `{"val":"`), `"}`)
			total, _ = strconv.ParseInt(text, 10, 64)
		}
		n, _ := strconv.ParseInt(increment, 10, 64)
		value = strconv.FormatInt(total+n, 10)
		payload = `{"val":"` + value + `"}`
	}
	if most := c.MaxMessageSize; most > 0 && len(header)+len(payload) > int(most) {
		return fail(api.ErrStreamMessageExceedsMaximum)
	}
	message := modelMessage{
		time: now, subject: subject, header: string(header), payload: payload, ttl: ttl,
		marker: get("KV-Operation") == "PURGE",
	}
	wanted := m.wants(subject)
	if wanted {
		if !ttlOK {
			return fail(api.ErrMessageTTLInvalid)
		}
		if least := int64(c.SubjectDeleteMarkerTTL / time.Second); ttl > 0 && ttl < least && c.MaxPerSubject != 1 {
			message.ttl = least
			message.header = string(wire.SetHeader(nil, header, "Nats-TTL", []byte(strconv.FormatInt(least, 10))))
		}
		if err := m.full(&message, rollup != ""); err != nil {
			return fail(api.NewStreamStoreFailed(err))
		}
	}
	m.last++
	m.lastID = id
	message.sequence = m.last
	if id != "" {
		m.ids[id] = message
	}
	if wanted {
		m.messages = append(m.messages, message)
		m.enforce()
	}
	m.rollUp(rollup, &message)
	answer := fmt.Sprintf(`{"stream":"D","seq":%d`, m.last)
	if c.AllowCounter {
		answer += `,"val":"` + value + `"`
	}
	return answer + "}"
}

func (m *model) rollUp(kind string, by *modelMessage) {
	m.remove(func(message *modelMessage) bool {
		return message.sequence < by.sequence && (kind == "all" || kind == "sub" && message.subject == by.subject)
	})
}

// batch publishes all or nothing, and returns the last answer.
func (m *model) batch(id string, parts []modelMessage, now int64) string {
	if m.config.Sealed {
		return refused(api.ErrStreamSealed)
	}
	ids := make(map[string]bool)
	for _, part := range parts {
		id := string(wire.Header([]byte(part.header), "Nats-Msg-Id"))
		known, ok := m.ids[id]
		if id != "" && (ids[id] || ok && now < known.time+int64(m.config.DuplicateWindow)) {
			return refused(api.ErrAtomicPublishContainsDuplicateMessage)
		}
		ids[id] = true
	}
	before := m.clone()
	for _, part := range parts {
		if answer := m.publish(part.subject, []byte(part.header), part.payload, now); strings.Contains(answer, "error") {
			*m = *before
			return answer
		}
	}
	return fmt.Sprintf(`{"stream":"D","seq":%d,"batch":%q,"count":%d}`, m.last, id, len(parts))
}

// pass lets time pass.
func (m *model) pass(now int64) {
	if m.config.Sealed {
		return
	}
	due := func(message *modelMessage) bool {
		ttl := message.ttl
		if !m.config.AllowMessageTTL {
			ttl = 0
		}
		return ttl > 0 && now >= message.time+ttl*second ||
			m.config.MaxAge > 0 && ttl >= 0 && now >= message.time+int64(m.config.MaxAge)
	}
	for slices.ContainsFunc(m.messages, func(message modelMessage) bool { return due(&message) }) {
		var marked []string
		for _, message := range slices.Clone(m.messages) {
			switch {
			case !due(&message):
			case m.config.SubjectDeleteMarkerTTL > 0 && !message.marker && len(m.of(message.subject)) == 1:
				marked = append(marked, message.subject)
			default:
				m.remove(func(other *modelMessage) bool { return other.sequence == message.sequence })
			}
		}
		for _, subject := range marked {
			m.last++
			m.lastID = ""
			marker := modelMessage{
				sequence: m.last, time: now, subject: subject, marker: true, ttl: int64(m.config.SubjectDeleteMarkerTTL / time.Second),
				header: "NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: " + m.config.SubjectDeleteMarkerTTL.String() + "\r\nNats-Rollup: sub\r\n\r\n",
			}
			m.messages = append(m.messages, marker)
			m.enforce()
			m.rollUp("sub", &marker)
		}
	}
}

func (m *model) purge(r api.PurgeRequest) (uint64, *api.Error) {
	switch {
	case m.config.Sealed:
		return 0, api.ErrStreamSealed
	case m.config.DenyPurge:
		return 0, api.NewStreamPurgeFailed(errPurgeDenied)
	}
	selected := func(message *modelMessage) bool { return r.Filter == "" || message.subject == r.Filter }
	kept := make(map[uint64]bool)
	for i := len(m.messages) - 1; i >= 0 && uint64(len(kept)) < r.Keep; i-- {
		if selected(&m.messages[i]) {
			kept[m.messages[i].sequence] = true
		}
	}
	purged := m.remove(func(message *modelMessage) bool {
		return selected(message) && !kept[message.sequence] && (r.Sequence == 0 || message.sequence < r.Sequence)
	})
	if r.Filter == "" && r.Sequence > m.last {
		m.last = r.Sequence - 1
	}
	return purged, nil
}

// restart forgets what is not in messages.
func (m *model) restart(now int64) {
	m.lastID = ""
	m.ids = make(map[string]modelMessage)
	for _, message := range m.messages {
		id := string(wire.Header([]byte(message.header), "Nats-Msg-Id"))
		if message.sequence == m.last {
			m.lastID = id
		}
		if id != "" && now < message.time+int64(m.config.DuplicateWindow) {
			m.ids[id] = message
		}
	}
}

// drawConfig draws a valid configuration.
func drawConfig(t *rapid.T) func(*api.StreamConfig) {
	pick := func(label string, values ...int64) int64 { return rapid.SampledFrom(values).Draw(t, label) }
	maybe := func(label string) bool { return rapid.Bool().Draw(t, label) }
	return func(c *api.StreamConfig) {
		c.DuplicateWindow = time.Duration(pick("window", 0, 5, 20)) * time.Second
		c.MaxMessages, c.MaxBytes, c.MaxPerSubject = pick("messages", -1, 3, 5), pick("bytes", -1, 200, 400), pick("per subject", -1, 1, 2)
		c.MaxMessageSize = int32(pick("size", -1, 100))
		c.MaxAge = time.Duration(pick("age", 0, 10)) * time.Second
		if maybe("transform") {
			c.SubjectTransform = &api.SubjectTransform{Source: "in.*", Destination: "d.$1"}
		}
		if maybe("counter") {
			c.AllowCounter = true
			return
		}
		if maybe("interest") {
			c.Retention = api.RetentionInterest
		}
		if maybe("new") {
			c.Discard = api.DiscardNew
			c.DiscardNewPerSubject = c.MaxPerSubject > 0 && maybe("new per subject")
		}
		c.AllowRollup, c.AllowMessageTTL = maybe("rollup"), maybe("ttl")
		c.DenyPurge = !c.AllowRollup && maybe("deny purge")
		if c.AllowRollup && c.AllowMessageTTL {
			c.SubjectDeleteMarkerTTL = time.Duration(pick("marker", 0, 7)) * time.Second
		}
		c.AllowAtomic = maybe("atomic")
	}
}

// drawMessage draws a message, its header with any of the lines that a publisher can
// write.
func drawMessage(t *rapid.T, m *model) (subject string, lines []string, payload string) {
	subject = rapid.SampledFrom([]string{"d.a", "d.b", "d.c", "in.a"}).Draw(t, "subject")
	if !m.config.AllowCounter || rapid.IntRange(0, 9).Draw(t, "wrong") == 0 {
		payload = strings.Repeat("x", rapid.SampledFrom([]int{0, 1, 30, 120}).Draw(t, "payload"))
	}
	around := func(n uint64) string {
		return strconv.FormatUint(n+uint64(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "off")), 10)
	}
	add := func(chance int, name string, value func() string) {
		if rapid.IntRange(1, chance).Draw(t, name) == 1 {
			lines = append(lines, name+": "+value())
		}
	}
	id := func() string { return rapid.SampledFrom([]string{"m1", "m2", "m3"}).Draw(t, "id") }
	if m.config.AllowCounter {
		add(1, "Nats-Incr", func() string { return rapid.SampledFrom([]string{"1", "+5", "-3", "x"}).Draw(t, "increment") })
	} else {
		add(30, "Nats-Incr", func() string { return "1" })
	}
	chance := 4
	if m.config.AllowCounter {
		chance = 40
	}
	add(4, "Nats-Msg-Id", id)
	add(2*chance, "Nats-Expected-Stream", func() string { return rapid.SampledFrom([]string{"D", "D", "E"}).Draw(t, "stream") })
	add(2*chance, "Nats-Expected-Last-Sequence", func() string { return around(m.last) })
	add(2*chance, "Nats-Expected-Last-Subject-Sequence", func() string { return around(m.lastOf(subject)) })
	add(2*chance, "Nats-Expected-Last-Msg-Id", func() string {
		if m.lastID != "" {
			return m.lastID
		}
		return id()
	})
	add(2*chance, "Nats-Rollup", func() string { return rapid.SampledFrom([]string{"sub", "all"}).Draw(t, "rollup") })
	add(3, "Nats-TTL", func() string { return rapid.SampledFrom([]string{"5s", "12", "never", "bad"}).Draw(t, "ttl") })
	add(10, "KV-Operation", func() string { return "PURGE" })
	return subject, lines, payload
}

func (m *model) lines() (list []string) {
	for _, message := range m.messages {
		list = append(list, fmt.Sprint(message.sequence, " ", message.time-base, " ", describe([]byte(message.subject), []byte(message.header), []byte(message.payload))))
	}
	return list
}

func (r *rig) lines() (list []string) {
	if err := r.store.Each(nil, 1, func(m *store.Message) bool {
		list = append(list, fmt.Sprint(m.Sequence, " ", m.Time-base, " ", describe(m.Subject, m.Header, m.Payload)))
		return true
	}); err != nil {
		r.t.Fatal(err)
	}
	return list
}

func TestStreamAgreesWithModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		change := drawConfig(t)
		wanted := []string{"d.a", "d.b"}
		r := newRig(t, change, func(o *Options) { o.Interest = subjects(wanted) })
		m := &model{config: r.stream.Config().Clone(), wanted: wanted, ids: make(map[string]modelMessage)}
		same := func(what string, got, want any) {
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: got  %v\nwant %v\nconfig %+v", what, got, want, m.config)
			}
		}
		check := func() {
			same("messages", strings.Join(r.lines(), "\n"), strings.Join(m.lines(), "\n"))
			same("last sequence", r.stream.LastSequence(), m.last)
			same("last of the store", r.store.State().LastSequence, m.last)
		}
		number := 0
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { check() },
			"publish": func(t *rapid.T) {
				r.now += int64(rapid.IntRange(0, 2).Draw(t, "step")) * second / 2
				subject, lines, payload := drawMessage(t, m)
				got := r.publish(subject, payload, lines...)
				same(fmt.Sprintf("publish on %s with %q", subject, lines), got, m.publish(subject, block(lines...), payload, r.now))
			},
			"batch": func(t *rapid.T) {
				if !m.config.AllowAtomic {
					return
				}
				number++
				id := fmt.Sprint("b", number)
				var parts []modelMessage
				var got string
				for i, n := 1, rapid.IntRange(1, 4).Draw(t, "parts"); i <= n; i++ {
					subject := rapid.SampledFrom([]string{"d.a", "d.b", "d.c", "in.a"}).Draw(t, "subject")
					lines := []string{"Nats-Batch-Id: " + id, fmt.Sprint("Nats-Batch-Sequence: ", i)}
					if rapid.IntRange(0, 3).Draw(t, "has id") == 0 {
						lines = append(lines, "Nats-Msg-Id: "+rapid.SampledFrom([]string{"m1", "m2", "m3"}).Draw(t, "id"))
					}
					if i == n {
						lines = append(lines, commits)
					}
					parts = append(parts, modelMessage{subject: subject, header: string(block(lines...)), payload: "x"})
					got = r.publish(subject, "x", lines...)
				}
				if m.config.MaxMessageSize > 0 && slices.ContainsFunc(parts, func(p modelMessage) bool { return len(p.header)+1 > int(m.config.MaxMessageSize) }) {
					return // refused one by one, before it is a batch
				}
				before := m.clone()
				want := m.batch(id, parts, r.now)
				if m.config.Retention == api.RetentionInterest && m.config.Discard == api.DiscardNew && strings.Contains(got, "10077") {
					*m = *before // where something is not wanted, limits count as if nothing made room
					return
				}
				same(fmt.Sprintf("batch %+v", parts), got, want)
			},
			"time": func(t *rapid.T) {
				r.advance(time.Duration(rapid.IntRange(0, 8).Draw(t, "seconds")) * time.Second)
				m.pass(r.now)
			},
			"purge": func(t *rapid.T) {
				request := api.PurgeRequest{Filter: rapid.SampledFrom([]string{"", "d.a", "d.b"}).Draw(t, "filter")}
				switch rapid.IntRange(0, 3).Draw(t, "kind") {
				case 0:
					request.Sequence = uint64(rapid.IntRange(1, int(m.last)+3).Draw(t, "below"))
				case 1:
					request.Keep = uint64(rapid.IntRange(1, 3).Draw(t, "keep"))
				}
				purged, refusal := r.stream.Purge(request)
				want, wantRefusal := m.purge(request)
				same(fmt.Sprintf("purge %+v", request), fmt.Sprint(purged, refusal), fmt.Sprint(want, wantRefusal))
			},
			"delete": func(t *rapid.T) {
				sequence := uint64(rapid.IntRange(1, int(m.last)+1).Draw(t, "sequence"))
				refusal := r.stream.Delete(api.MessageDeleteRequest{Sequence: sequence})
				there := m.remove(func(message *modelMessage) bool { return !m.config.Sealed && message.sequence == sequence })
				same(fmt.Sprint("delete ", sequence), refusal == nil, there == 1)
			},
			"restart": func(*rapid.T) {
				r.restart()
				m.restart(r.now)
			},
			"update": func(t *rapid.T) {
				seal := rapid.IntRange(0, 60).Draw(t, "seal") == 0
				most := rapid.SampledFrom([]int64{-1, 2, 4}).Draw(t, "messages")
				perSubject := m.config.MaxPerSubject
				if !m.config.DiscardNewPerSubject {
					perSubject = rapid.SampledFrom([]int64{-1, 1, 3}).Draw(t, "per subject")
				}
				window := time.Duration(rapid.SampledFrom([]int64{0, 5, 20}).Draw(t, "window")) * time.Second
				set := func(c *api.StreamConfig) {
					c.MaxMessages, c.MaxPerSubject, c.DuplicateWindow = most, perSubject, window
					if seal {
						c.Sealed, c.DenyDelete, c.DenyPurge, c.AllowRollup, c.MaxAge = true, true, true, false, 0
					}
				}
				r.update(set)
				for id, known := range m.ids {
					if r.now >= known.time+int64(min(window, m.config.DuplicateWindow)) {
						delete(m.ids, id)
					}
				}
				set(m.config)
				m.enforce()
			},
			"read": func(t *rapid.T) {
				subject := rapid.SampledFrom([]string{"d.a", "d.b", "d.c"}).Draw(t, "subject")
				got, _ := r.stream.Get(&GetRequest{LastFor: subject})
				list := m.of(subject)
				switch {
				case got == nil:
					same("last of "+subject, 0, len(list))
				default:
					want := list[len(list)-1]
					same("last of "+subject, got.Sequence, want.sequence)
					if !bytes.Equal(got.Data, []byte(want.payload)) || string(got.Header) != want.header {
						t.Fatalf("read %+v, want %+v", got, want)
					}
				}
			},
		})
	})
}
