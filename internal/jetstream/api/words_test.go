package api

import (
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/events"
)

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{
		"S": true, "a-b_c=%$": true, "ä": true, "": false, "a b": false, "a.b": false, "*": false, "a>": false, "a/b": false, `a\b`: false,
		"a\tb": false, "a\rb": false, "a\nb": false, "a\fb": false,
	} {
		if got := IsValidName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

// Go: TestPriorityGroupNameRegex server/jetstream_consumer_test.go:2862
func TestNamesOfGroups(t *testing.T) {
	for name, want := range map[string]bool{
		"A": true, "group/consumer=A": true, "a-b_C/9=": true, "0123456789abcdef": true, "": false, "A B": false, "A   B": false,
		"group-name-that-is-too-long": false, "0123456789abcdefg": false, "\r\n": false, "a)": false, "a+": false, "ä": false,
	} {
		if got := IsValidGroup(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}

func TestHashesStandForTexts(t *testing.T) {
	// sha256("") begins with e3 b0 c4 42 98 fc 1c 14
	if got := Hash(""); got != "fqA4S4SK" {
		t.Errorf("the hash is %q", got)
	}
	zone := time.FixedZone("", 3600)
	created := time.Date(2026, 1, 1, 1, 0, 0, 5, zone)
	if got, want := Identity(created), Hash("2026-01-01T00:00:00.000000005Z"); got != want {
		t.Errorf("the identity is %q, want %q", got, want)
	}
}

func TestRequiredLevels(t *testing.T) {
	for value, want := range map[string]bool{"": true, "0": true, "5": true, "-1": true, "6": false, "99": false, "x": false, "5x": false} {
		header := []byte("NATS/1.0\r\nA: b\r\nNats-Required-Api-Level: " + value + "\r\n\r\n")
		if err := CheckLevel(header); (err == nil) != want || err != nil && !errors.Is(err, ErrRequiredApiLevel) {
			t.Errorf("%q: %v", value, err)
		}
	}
	if err := CheckLevel(nil); err != nil {
		t.Errorf("no header: %v", err)
	}
}

func TestPages(t *testing.T) {
	for _, tt := range []struct {
		total, offset, limit int
		want                 Page
		end                  int
	}{
		{2000, 0, 1024, Page{2000, 0, 1024}, 1024},
		{2000, 1024, 1024, Page{2000, 1024, 1024}, 2000},
		{2000, 5000, 1024, Page{2000, 2000, 1024}, 2000},
		{2000, -5, 256, Page{2000, 0, 256}, 256},
		{0, 3, 256, Page{0, 0, 256}, 0},
		{10, math.MaxInt, math.MaxInt, Page{10, 10, math.MaxInt}, 10},
		{math.MaxInt, math.MaxInt - 1, math.MaxInt, Page{math.MaxInt, math.MaxInt - 1, math.MaxInt}, math.MaxInt},
	} {
		page := NewPage(tt.total, tt.offset, tt.limit)
		if page != tt.want || page.End() != tt.end {
			t.Errorf("%+v: %+v up to %d", tt, page, page.End())
		}
	}
}

func TestDomains(t *testing.T) {
	want := []Mapping{
		{"$JS.D.API.INFO", "$JS.API.INFO"},
		{"$JS.D.API.STREAM.>", "$JS.API.STREAM.>"},
		{"$JS.D.API.CONSUMER.>", "$JS.API.CONSUMER.>"},
		{"$JS.D.API.DIRECT.>", "$JS.API.DIRECT.>"},
		{"$JS.D.API.META.>", "$JS.API.META.>"},
		{"$JS.D.API.SERVER.>", "$JS.API.SERVER.>"},
		{"$JS.D.API.ACCOUNT.>", "$JS.API.ACCOUNT.>"},
		{"$JS.D.API.$KV.>", "$KV.>"},
		{"$JS.D.API.$OBJ.>", "$OBJ.>"},
	}
	if got := DomainMappings("D"); !reflect.DeepEqual(got, want) {
		t.Errorf("the mappings are %v", got)
	}
	if got := SystemDomainMapping("D"); got != (Mapping{"$JS.D.API.>", "$JS.API.>"}) {
		t.Errorf("that of the system account is %v", got)
	}
	if got := DefaultDomainMapping("D"); got != (Mapping{"$JS.API.>", "$JS.D.API.>"}) {
		t.Errorf("that of an account without streams is %v", got)
	}
	for domain, want := range map[string]bool{"D": true, "a-b": true, "": false, "a b": false, "a.b": false, "*": false, "a>": false, "a\tb": false} {
		if got := IsValidDomain(domain); got != want {
			t.Errorf("%q: %t", domain, got)
		}
	}
}

func TestSubjectsOfDomainsAreTakenApart(t *testing.T) {
	for _, tt := range []struct{ subject, domain, mapped string }{
		{"$JS.D.API.INFO", "D", "$JS.API.INFO"},
		{"$JS.D.API.STREAM.INFO.S", "D", "$JS.API.STREAM.INFO.S"},
		{"$JS.D.API.DIRECT.GET.S.$KV.x", "D", "$JS.API.DIRECT.GET.S.$KV.x"},
		{"$JS.D.API.$KV.B.key", "D", "$KV.B.key"},
		{"$JS.D.API.$OBJ.B.x", "D", "$OBJ.B.x"},
	} {
		domain, mapped, ok := SplitDomain(tt.subject)
		if !ok || domain != tt.domain || mapped != tt.mapped {
			t.Errorf("%s: %q %q %t", tt.subject, domain, mapped, ok)
		}
		for _, m := range DomainMappings(tt.domain) {
			if m.Source == tt.subject && m.Destination != mapped {
				t.Errorf("%s is mapped to %s", tt.subject, m.Destination)
			}
		}
	}
	for _, s := range []string{"", "$JS.API.INFO", "$JS.D.API", "$JS.D.API.", "$JS.D.API.X", "$JS.D.API.STREAM", "$JS.a.b.API.INFO", "$JS.API.CONSUMER.INFO.API.C", "$JS.D.API.INFO.x"} {
		if domain, mapped, ok := SplitDomain(s); ok {
			t.Errorf("%q: %q %q", s, domain, mapped)
		}
	}
	for prefix, want := range map[string]string{"$JS.D.API": "D", "$JS.API": "", "x": "", "$JS.a.b.API": "", "": ""} {
		if got := (&ExternalStream{APIPrefix: prefix}).Domain(); got != want {
			t.Errorf("%q: %q", prefix, got)
		}
	}
	if got := (*ExternalStream)(nil).Domain(); got != "" {
		t.Errorf("nothing has the domain %q", got)
	}
}

func TestSizesOfArchives(t *testing.T) {
	for _, tt := range []struct{ chunk, window, wantChunk, wantWindow int }{
		{0, 0, 131072, 8388608},
		{1, 1, 1024, 1024},
		{-5, -5, 1024, 1024},
		{1 << 30, 1 << 30, 1048576, 33554432},
		{1 << 20, 2048, 1048576, 1048576},
		{4096, 8192, 4096, 8192},
	} {
		r := SnapshotRequest{ChunkSize: tt.chunk, WindowSize: tt.window}
		if chunk, window := r.Sizes(); chunk != tt.wantChunk || window != tt.wantWindow {
			t.Errorf("%+v: %d %d", tt, chunk, window)
		}
	}
	for s, want := range map[string]bool{"d": true, "a.b": true, "": false, "a.*": false, ">": false, "a b": false, "a.": false} {
		if err := (&SnapshotRequest{DeliverSubject: s}).Check(); (err == nil) != want || err != nil && !errors.Is(err, ErrSnapshotDeliverSubjectInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestChunksAreAcknowledgedBySubject(t *testing.T) {
	ack := ChunkAck{"S", "id", 131072, 7}
	if got := ack.Subject(); got != "$JS.SNAPSHOT.ACK.S.id.131072.7" {
		t.Errorf("the subject is %s", got)
	}
	if got, ok := ParseChunkAck(ack.Subject()); !ok || got != ack {
		t.Errorf("got %+v %t", got, ok)
	}
	for _, s := range []string{"", "$JS.SNAPSHOT.ACK.S.id.1", "$JS.SNAPSHOT.ACK.S.id.1.0", "$JS.SNAPSHOT.ACK.S.id.1.x", "$JS.SNAPSHOT.ACK.S.id.-1.1", "$JS.SNAPSHOT.ACK.S.id.1.2.3", "$JS.SNAPSHOT.ACK..id.1.1", "$JS.SNAPSHOT.ACK.S.id.1.99999999999999999999"} {
		if got, ok := ParseChunkAck(s); ok {
			t.Errorf("%q: %+v", s, got)
		}
	}
	if got := ChunkAckPattern("S", "id") + " " + RestoreSubject("S", "id"); got != "$JS.SNAPSHOT.ACK.S.id.*.* $JS.SNAPSHOT.RESTORE.S.id" {
		t.Errorf("got %s", got)
	}
}

func TestRequestsThatMakeNoSense(t *testing.T) {
	for _, tt := range []struct {
		err, want error
	}{
		{(&PurgeRequest{Sequence: 1, Keep: 1}).Check(), ErrBadRequest},
		{(&PurgeRequest{Sequence: 1}).Check(), nil},
		{(&PurgeRequest{Keep: 1, Filter: "a"}).Check(), nil},
		{(&UnpinRequest{}).Check(), ErrInvalidJSON},
		{(&UnpinRequest{"a b"}).Check(), ErrConsumerInvalidGroupName},
		{(&UnpinRequest{"a"}).Check(), nil},
	} {
		if !errors.Is(tt.err, tt.want) {
			t.Errorf("got %v, want %v", tt.err, tt.want)
		}
	}
	if got := (&UnpinRequest{}).Check().Error(); got != "invalid JSON: consumer group not specified (10025)" {
		t.Errorf("got %s", got)
	}
}

// Go: TestJetStreamSetStaticStreamMetadata server/jetstream_versioning_test.go:59
// Go: TestJetStreamSetStaticStreamMetadataRemoveDynamicFields server/jetstream_versioning_test.go:129
func TestStreamsAreStampedWithTheLevelThatTheyNeed(t *testing.T) {
	foreign := map[string]string{RequiredLevelKey: "previous-level", VersionKey: "x", LevelKey: "x"}
	for _, tt := range []struct {
		config StreamConfig
		want   string
	}{
		{StreamConfig{}, "0"},
		{StreamConfig{Metadata: foreign}, "0"},
		{StreamConfig{AllowMessageTTL: true}, "1"},
		{StreamConfig{SubjectDeleteMarkerTTL: time.Second}, "1"},
		{StreamConfig{SubjectDeleteMarkerTTL: -time.Second}, "0"},
		{StreamConfig{AllowCounter: true, AllowMessageTTL: true}, "2"},
		{StreamConfig{AllowAtomic: true}, "2"},
		{StreamConfig{AllowSchedules: true}, "2"},
		{StreamConfig{PersistMode: PersistAsync}, "2"},
		{StreamConfig{AllowBatched: true, AllowAtomic: true}, "4"},
	} {
		StampStream(&tt.config)
		if want := map[string]string{RequiredLevelKey: tt.want}; !reflect.DeepEqual(tt.config.Metadata, want) {
			t.Errorf("%+v, want %s", tt.config, tt.want)
		}
		if err := CheckSupported(tt.config.Metadata); err != nil {
			t.Errorf("%+v: %v", tt.config, err)
		}
	}
	if foreign[RequiredLevelKey] != "previous-level" || len(foreign) != 3 {
		t.Errorf("the map became %v", foreign)
	}
}

// Go: TestJetStreamSetStaticConsumerMetadata server/jetstream_versioning_test.go:224
// Go: TestJetStreamSetStaticConsumerMetadataRemoveDynamicFields server/jetstream_versioning_test.go:276
func TestConsumersAreStampedWithTheLevelThatTheyNeed(t *testing.T) {
	zero, epoch := time.Time{}, time.Unix(0, 0)
	for _, tt := range []struct {
		config ConsumerConfig
		want   string
	}{
		{ConsumerConfig{}, "0"},
		{ConsumerConfig{Metadata: map[string]string{RequiredLevelKey: "x", VersionKey: "x", LevelKey: "x"}}, "0"},
		{ConsumerConfig{PauseUntil: &zero}, "0"},
		{ConsumerConfig{PauseUntil: &epoch}, "1"},
		{ConsumerConfig{PriorityPolicy: PriorityPinned, PriorityGroups: []string{"a"}}, "1"},
		{ConsumerConfig{PriorityTimeout: 1}, "1"},
		{ConsumerConfig{PriorityGroups: []string{"a"}}, "1"},
		{ConsumerConfig{AckPolicy: AckFlowControl, PauseUntil: &epoch}, "4"},
	} {
		StampConsumer(&tt.config)
		if want := map[string]string{RequiredLevelKey: tt.want}; !reflect.DeepEqual(tt.config.Metadata, want) {
			t.Errorf("%+v, want %s", tt.config, tt.want)
		}
		if err := CheckSupported(tt.config.Metadata); err != nil {
			t.Errorf("%+v: %v", tt.config, err)
		}
	}
}

// Go: TestJetStreamSetDynamicStreamMetadata server/jetstream_versioning_test.go:142
// Go: TestJetStreamSetDynamicConsumerMetadata server/jetstream_versioning_test.go:289
// Go: TestJetStreamSetDynamicConsumerInfoMetadata server/jetstream_versioning_test.go:301
func TestAnswersHaveTheVersionOfTheServer(t *testing.T) {
	stored := map[string]string{RequiredLevelKey: "0", "k": "v"}
	want := map[string]string{RequiredLevelKey: "0", "k": "v", VersionKey: "1.2.3", LevelKey: strconv.Itoa(Level)}
	stream := StreamConfig{Name: "S", Metadata: stored}
	if got := PresentStream(&stream, "1.2.3"); !reflect.DeepEqual(got.Metadata, want) || got.Name != "S" {
		t.Errorf("the stream is %+v", got)
	}
	info := ConsumerInfo{Config: &ConsumerConfig{Name: "C", Metadata: stored}}
	presented := info
	presented.Config = PresentConsumer(info.Config, "1.2.3")
	if !reflect.DeepEqual(presented.Config.Metadata, want) || presented.Config.Name != "C" || presented.Config == info.Config {
		t.Errorf("the consumer is %+v", presented.Config)
	}
	if len(stored) != 2 {
		t.Errorf("what is stored became %v", stored)
	}
}

func TestMetadataOfServersDoNotMakeADifference(t *testing.T) {
	level := func(l string) map[string]string { return map[string]string{RequiredLevelKey: l} }
	same := []map[string]string{nil, {}, level("-1"), level("previous"), {VersionKey: "x", LevelKey: "y"}}
	for _, a := range same {
		for _, b := range same {
			if !SameStream(&StreamConfig{Metadata: a}, &StreamConfig{Metadata: b}) || !SameConsumer(&ConsumerConfig{Metadata: a}, &ConsumerConfig{Metadata: b}) {
				t.Errorf("%v and %v make a difference", a, b)
			}
		}
		b := map[string]string{"k": "v"}
		if SameStream(&StreamConfig{Metadata: a}, &StreamConfig{Metadata: b}) || SameConsumer(&ConsumerConfig{Metadata: a}, &ConsumerConfig{Metadata: b}) {
			t.Errorf("%v and %v make no difference", a, b)
		}
	}
	here, there := at(5), at(5).In(time.FixedZone("", 7200))
	if !SameConsumer(&ConsumerConfig{StartTime: &here, PauseUntil: &there}, &ConsumerConfig{StartTime: &there, PauseUntil: &here}) {
		t.Error("the same time makes a difference")
	}
	if !SameStream(&StreamConfig{Sources: []*StreamSource{{StartTime: &here}}, Mirror: &StreamSource{StartTime: &there}}, &StreamConfig{Sources: []*StreamSource{{StartTime: &there}}, Mirror: &StreamSource{StartTime: &here}}) {
		t.Error("the same time makes a difference")
	}
}

// Go: TestGetAndSupportsRequiredApiLevel server/jetstream_versioning_test.go:34
func TestLevelsOfStoredAssets(t *testing.T) {
	for _, tt := range []struct {
		metadata map[string]string
		want     string
	}{
		{nil, ""},
		{map[string]string{}, ""},
		{map[string]string{RequiredLevelKey: ""}, ""},
		{map[string]string{RequiredLevelKey: "1"}, ""},
		{map[string]string{RequiredLevelKey: strconv.Itoa(Level)}, ""},
		{map[string]string{RequiredLevelKey: "99"}, "unsupported - required API level: 99, current API level: 5"},
		{map[string]string{RequiredLevelKey: "text"}, "unsupported - required API level: text, current API level: 5"},
	} {
		got := ""
		if err := CheckSupported(tt.metadata); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%v: %q", tt.metadata, got)
		}
	}
}

func TestAdvisories(t *testing.T) {
	head := func(kind string) events.Head { return events.Head{Type: kind, ID: "ID", Time: at(0)} }
	start := `"id":"ID","timestamp":"2026-01-01T00:00:00Z"`
	client := &events.Client{Account: "A", Kind: "Client"}
	for _, tt := range []struct {
		advisory      Advisory
		subject, kind string
		want          string
	}{
		{&Audit{head(TypeAudit), "srv", client, "s", "", "{}", ""}, "ADVISORY.API", "advisory.v1.api_audit", `"server":"srv","client":{"acc":"A","kind":"Client"},"subject":"s","response":"{}"`},
		{&LimitReached{head(TypeLimitReached), "srv", "D", 5}, "ADVISORY.API.LIMIT_REACHED", "advisory.v1.api_limit_reached", `"server":"srv","domain":"D","dropped":5`},
		{&StreamAction{head(TypeStreamAction), "S", ActionCreated, ""}, "ADVISORY.STREAM.CREATED.S", "advisory.v1.stream_action", `"stream":"S","action":"create"`},
		{&StreamAction{head(TypeStreamAction), "S", ActionModified, "D"}, "ADVISORY.STREAM.UPDATED.S", "advisory.v1.stream_action", `"stream":"S","action":"modify","domain":"D"`},
		{&StreamAction{head(TypeStreamAction), "S", ActionDeleted, ""}, "ADVISORY.STREAM.DELETED.S", "advisory.v1.stream_action", `"stream":"S","action":"delete"`},
		{&ConsumerActed{head(TypeConsumerAction), "S", "C", ActionCreated, ""}, "ADVISORY.CONSUMER.CREATED.S.C", "advisory.v1.consumer_action", `"stream":"S","consumer":"C","action":"create"`},
		{&ConsumerActed{head(TypeConsumerAction), "S", "C", ActionDeleted, ""}, "ADVISORY.CONSUMER.DELETED.S.C", "advisory.v1.consumer_action", `"stream":"S","consumer":"C","action":"delete"`},
		{&ConsumerPaused{head(TypePause), "S", "C", true, at(0), ""}, "ADVISORY.CONSUMER.PAUSE.S.C", "advisory.v1.consumer_pause", `"stream":"S","consumer":"C","paused":true,"pause_until":"2026-01-01T00:00:00Z"`},
		{&Pinned{head(TypePinned), "A", "S", "C", "", "G", "P"}, "ADVISORY.CONSUMER.PINNED.S.C", "advisory.v1.consumer_group_pinned", `"account":"A","stream":"S","consumer":"C","group":"G","pinned_id":"P"`},
		{&Unpinned{head(TypeUnpinned), "A", "S", "C", "", "G", UnpinnedByTimeout}, "ADVISORY.CONSUMER.UNPINNED.S.C", "advisory.v1.consumer_group_unpinned", `"account":"A","stream":"S","consumer":"C","group":"G","reason":"timeout"`},
		{&MaxDeliver{head(TypeMaxDeliver), "S", "C", 1, 2, ""}, "ADVISORY.CONSUMER.MAX_DELIVERIES.S.C", "advisory.v1.max_deliver", `"stream":"S","consumer":"C","stream_seq":1,"deliveries":2`},
		{&Nak{head(TypeNak), "S", "C", 3, 1, 2, ""}, "ADVISORY.CONSUMER.MSG_NAKED.S.C", "advisory.v1.nak", `"stream":"S","consumer":"C","consumer_seq":3,"stream_seq":1,"deliveries":2`},
		{&Terminated{head(TypeTerminated), "S", "C", 3, 1, 2, "why", ""}, "ADVISORY.CONSUMER.MSG_TERMINATED.S.C", "advisory.v1.terminated", `"stream":"S","consumer":"C","consumer_seq":3,"stream_seq":1,"deliveries":2,"reason":"why"`},
		{&AckMetric{head(TypeAck), "S", "C", 3, 1, 9, 2, "D"}, "METRIC.CONSUMER.ACK.S.C", "metric.v1.consumer_ack", `"stream":"S","consumer":"C","consumer_seq":3,"stream_seq":1,"ack_time":9,"deliveries":2,"domain":"D"`},
		{&SnapshotCreated{head(TypeSnapshotCreate), "S", StreamState{}, client, ""}, "ADVISORY.STREAM.SNAPSHOT_CREATE.S", "advisory.v1.snapshot_create", `"stream":"S","state":` + toJSON(t, StreamState{}) + `,"client":{"acc":"A","kind":"Client"}`},
		{&SnapshotCompleted{head(TypeSnapshotComplete), "S", at(0), at(1), client, "", "x"}, "ADVISORY.STREAM.SNAPSHOT_COMPLETE.S", "advisory.v1.snapshot_complete", `"stream":"S","start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:00:00.000000001Z","client":{"acc":"A","kind":"Client"},"error":"x"`},
		{&RestoreCreated{head(TypeRestoreCreate), "S", client, ""}, "ADVISORY.STREAM.RESTORE_CREATE.S", "advisory.v1.restore_create", `"stream":"S","client":{"acc":"A","kind":"Client"}`},
		{&RestoreCompleted{head(TypeRestoreComplete), "S", at(0), at(1), 8, client, ""}, "ADVISORY.STREAM.RESTORE_COMPLETE.S", "advisory.v1.restore_complete", `"stream":"S","start":"2026-01-01T00:00:00Z","end":"2026-01-01T00:00:00.000000001Z","bytes":8,"client":{"acc":"A","kind":"Client"}`},
		{&BatchAbandoned{head(TypeBatchAbandoned), "A", "S", "", "b", BatchTimedOut}, "ADVISORY.STREAM.BATCH_ABANDONED.S", "advisory.v1.stream_batch_abandoned", `"account":"A","stream":"S","batch":"b","reason":"timeout"`},
		{&OutOfStorage{head(TypeOutOfStorage), "srv", "id", "S", "c", ""}, "ADVISORY.SERVER.OUT_OF_STORAGE", "advisory.v1.server_out_of_space", `"server":"srv","server_id":"id","stream":"S","cluster":"c"`},
		{&ServerRemoved{head(TypeServerRemoved), "srv", "id", "c", ""}, "ADVISORY.SERVER.REMOVED", "advisory.v1.server_removed", `"server":"srv","server_id":"id","cluster":"c"`},
		{&MetaRescued{head(TypeMetaRescued), "srv", "id", 3, 2, "c", ""}, "ADVISORY.SERVER.META_RESCUE", "advisory.v1.meta_rescue", `"server":"srv","server_id":"id","prev_quorum":3,"new_quorum":2,"cluster":"c"`},
		{&DomainLeaderElected{head(TypeDomainLeaderElected), "srv", nil, "c", ""}, "ADVISORY.DOMAIN.LEADER_ELECTED", "advisory.v1.domain_leader_elected", `"leader":"srv","replicas":null,"cluster":"c"`},
		{&StreamLeaderElected{head(TypeStreamLeaderElected), "A", "S", "srv", nil, ""}, "ADVISORY.STREAM.LEADER_ELECTED.S", "advisory.v1.stream_leader_elected", `"account":"A","stream":"S","leader":"srv","replicas":null`},
		{&StreamQuorumLost{head(TypeStreamQuorumLost), "A", "S", nil, ""}, "ADVISORY.STREAM.QUORUM_LOST.S", "advisory.v1.stream_quorum_lost", `"account":"A","stream":"S","replicas":null`},
		{&ConsumerLeaderElected{head(TypeConsumerLeaderElected), "A", "S", "C", "srv", nil, ""}, "ADVISORY.CONSUMER.LEADER_ELECTED.S.C", "advisory.v1.consumer_leader_elected", `"account":"A","stream":"S","consumer":"C","leader":"srv","replicas":null`},
		{&ConsumerQuorumLost{head(TypeConsumerQuorumLost), "A", "S", "C", nil, ""}, "ADVISORY.CONSUMER.QUORUM_LOST.S.C", "advisory.v1.consumer_quorum_lost", `"account":"A","stream":"S","consumer":"C","replicas":null`},
	} {
		if got := tt.advisory.Subject(); got != "$JS.EVENT."+tt.subject {
			t.Errorf("%T goes to %s", tt.advisory, got)
		}
		if got := tt.advisory.Kind(); got != "io.nats.jetstream."+tt.kind {
			t.Errorf("%T is a %s", tt.advisory, got)
		}
		want := `{"type":"io.nats.jetstream.` + tt.kind + `",` + start + `,` + tt.want + `}`
		if got := toJSON(t, tt.advisory); got != want {
			t.Errorf("%T:\ngot  %s\nwant %s", tt.advisory, got, want)
		}
	}
}

func TestSumsStayAtTheEnds(t *testing.T) {
	for _, tt := range []struct{ got, want int64 }{
		{add(1, 2), 3},
		{add(math.MaxInt64, 1), math.MaxInt64},
		{add(math.MaxInt64, math.MaxInt64), math.MaxInt64},
		{add(math.MinInt64, -1), math.MinInt64},
		{add(math.MaxInt64, math.MinInt64), -1},
		{multiply(3, 4), 12},
		{multiply(0, math.MaxInt64), 0},
		{multiply(3, math.MaxInt64/2), math.MaxInt64},
	} {
		if tt.got != tt.want {
			t.Errorf("got %d, want %d", tt.got, tt.want)
		}
	}
	if got := strings.Join([]string{Tier(0), Tier(1), Tier(3)}, " "); got != "R1 R1 R3" {
		t.Errorf("the tiers are %s", got)
	}
}
