package api

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// says compares an error with "ErrCode text"; an empty text is no error.
func says(err error, want string) bool {
	if err == nil || want == "" {
		return err == nil && want == ""
	}
	var e *Error
	return errors.As(err, &e) && fmt.Sprintf("%d %s", e.ErrCode, e.Description) == want
}

// streamRequest reads a request for a stream.
func streamRequest(t *testing.T, text string) *StreamRequest {
	t.Helper()
	r := new(StreamRequest)
	if _, err := Decode([]byte(text), r, true); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r
}

// stream is a complete configuration.
func stream(t *testing.T, text string) *StreamConfig {
	t.Helper()
	c, err := CheckStream(&streamRequest(t, text).StreamConfig, free(), false)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}

func TestStreamsThatCannotBe(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, tt := range []struct{ config, want string }{
		{`"name":""`, `10052 stream name is required and can not contain '.', '*', '>', '\', '/'`},
		{`"name":"a.b"`, `10052 stream name is required and can not contain '.', '*', '>', '\', '/'`},
		{`"name":"` + long + `"`, `10052 stream name is too long, maximum allowed is 255`},
		{`"description":"` + strings.Repeat("x", 4097) + `"`, `10052 stream description is too long, maximum allowed is 4096`},
		{`"metadata":{"k":"` + strings.Repeat("x", 131072) + `"}`, `10052 stream metadata exceeds maximum size of 131072 bytes`},
		{`"num_replicas":6`, `10052 maximum replicas is 5`},
		{`"num_replicas":-1`, `10133 replicas count cannot be negative`},
		{`"max_age":-1`, `10052 max age can not be negative`},
		{`"max_age":1`, `10052 max age needs to be >= 100ms`},
		{`"max_age":99999999`, `10052 max age needs to be >= 100ms`},
		{`"max_age":100000000`, ``},
		{`"duplicate_window":-1`, `10052 duplicates window can not be negative`},
		{`"duplicate_window":1`, `10052 duplicates window needs to be >= 100ms`},
		{`"max_age":1000000000,"duplicate_window":2000000000`, `10052 duplicates window can not be larger then max age`},
		{`"deny_purge":true,"allow_rollup_hdrs":true`, `10052 roll-ups require the purge permission`},
		{`"allow_msg_counter":true,"discard":"new"`, `10052 counter stream cannot use discard new`},
		{`"allow_msg_counter":true,"allow_msg_ttl":true`, `10052 counter stream cannot use message TTLs`},
		{`"allow_msg_counter":true,"subject_delete_marker_ttl":1000000000`, `10052 counter stream cannot use message TTLs`},
		{`"allow_msg_counter":true,"allow_msg_schedules":true`, `10052 counter stream cannot use message schedules`},
		{`"allow_msg_counter":true,"retention":"interest"`, `10052 counter stream can only use limits retention`},
		{`"discard_new_per_subject":true`, `10052 discard new per subject requires discard new policy to be set`},
		{`"discard_new_per_subject":true,"discard":"new"`, `10052 discard new per subject requires max msgs per subject > 0`},
		{`"discard_new_per_subject":true,"discard":"new","max_msgs_per_subject":1`, ``},
		{`"subject_delete_marker_ttl":1`, `10052 subject delete marker TTL must be at least 1 second`},
		{`"subject_delete_marker_ttl":-1`, `10052 subject delete marker TTL must not be negative`},
		{`"allow_msg_schedules":true,"discard":"new"`, `10052 message scheduling cannot use discard new`},
		{`"persist_mode":"async","storage":"memory"`, `10052 async persist mode is only supported on file storage`},
		{`"persist_mode":"async","num_replicas":3`, `10052 async persist mode is not supported on replicated streams`},
		{`"persist_mode":"async","allow_atomic":true`, `10052 async persist mode is not supported with atomic batch publish`},

		{`"subjects":[""]`, `10052 invalid subject`},
		{`"subjects":["a b"]`, `10052 invalid subject`},
		{`"subjects":["a..b"]`, `10052 invalid subject`},
		{`"subjects":["` + strings.Repeat("x", 1<<16) + `"]`, `10052 invalid subject`},
		{`"subjects":["a","b..c","d","d"]`, `10052 invalid subject`},
		{`"subjects":["d","a","b..c","d"]`, `10052 subject "d" overlaps with "d"`},
		{`"subjects":[">"]`, `10052 capturing all subjects requires no-ack to be true`},
		{`"subjects":[">"],"no_ack":true,"num_replicas":3`, `10052 capturing all subjects requires replicas of 1`},
		{`"subjects":[">"],"no_ack":true`, ``},
		{`"subjects":["$JS.>"]`, `10052 subjects that overlap with jetstream api require no-ack to be true`},
		{`"subjects":["$JS.API.X"]`, `10052 subjects that overlap with jetstream api require no-ack to be true`},
		{`"subjects":["$JSC.X"]`, `10052 subjects that overlap with jetstream api require no-ack to be true`},
		{`"subjects":["$NRG.*"]`, `10052 subjects that overlap with jetstream api require no-ack to be true`},
		{`"subjects":["*.>"]`, `10052 subjects that overlap with jetstream api require no-ack to be true`},
		{`"subjects":["$JS.EVENT.>"]`, ``},
		{`"subjects":["$JS.EVENT.ADVISORY.*"]`, ``},
		{`"subjects":["$SYS.>"]`, `10052 subjects that overlap with system api require no-ack to be true`},
		{`"subjects":["$SYS.ACCOUNT.>"]`, ``},
		{`"subjects":["$JS.>","$SYS.>"],"no_ack":true`, ``},
		{`"subjects":["a.*","b","a.b"]`, `10052 subject "a.*" overlaps with "a.b"`},
		{`"subjects":["b","a.b","a.>","b"]`, `10052 subject "b" overlaps with "b"`},

		{`"subject_transform":{"src":"a..b","dest":"c"}`, `10155 stream transform source: invalid subject a..b`},
		{`"subject_transform":{"src":"a.*","dest":"c.{{x(1)}}"}`, `10156 stream transform: invalid mapping destination: unknown function in {{x(1)}}`},
		{`"subject_transform":{"src":"a.*","dest":"c.{{wildcard(2)}}"}`, `10156 stream transform: invalid mapping destination: wildcard index out of range in {{wildcard(2)}}: [2]`},
		{`"subject_transform":{"src":"a.*","dest":"c.{{left(1)}}"}`, `10156 stream transform: invalid mapping destination: not enough arguments passed to the function in {{left(1)}}`},
		{`"subject_transform":{"src":"a.*","dest":"c.$1"}`, ``},
		{`"subject_transform":{"src":"","dest":""}`, ``},
		{`"republish":{"src":"s","dest":"S"}`, `10052 stream configuration for republish destination forms a cycle`},
		{`"republish":{"src":"s","dest":""}`, `10052 stream configuration for republish destination forms a cycle`},
		{`"republish":{"src":"a.*","dest":"b.>"}`, `10052 stream configuration for republish with transform from 'a.*' to 'b.>' not valid`},
		{`"republish":{"dest":"b.>"}`, ``},
		{`"subjects":["foo.>"],"republish":{"src":"*","dest":"foo.{{partition(10, 1)}}"}`, `10052 stream configuration for republish destination forms a cycle`},
		{`"placement":{"preferred":"s"}`, `10052 preferred server not permitted in placement`},

		{`"mirror":{"name":"O"},"first_seq":1`, `10143 stream mirrors can not have first sequence configured`},
		{`"mirror":{"name":"O"},"subjects":["a"]`, `10034 stream mirrors can not contain subjects`},
		{`"mirror":{"name":"O"},"sources":[{"name":"P"}]`, `10031 stream mirrors can not also contain other sources`},
		{`"mirror":{"name":"O"},"allow_msg_counter":true`, `10173 stream mirrors can not also calculate counters`},
		{`"mirror":{"name":"O"},"allow_atomic":true`, `10198 stream mirrors can not also use atomic publishing`},
		{`"mirror":{"name":"O"},"allow_batched":true`, `10209 stream mirrors can not also use batch publishing`},
		{`"mirror":{"name":"O"},"allow_msg_schedules":true`, `10186 stream mirrors can not also schedule messages`},
		{`"mirror":{"name":"O"},"subject_delete_marker_ttl":1000000000`, `10052 subject delete markers forbidden on mirrors`},
		{`"mirror":{"name":"O","filter_subject":"a","subject_transforms":[{"src":"a","dest":"b"}]}`, `10150 mirror with multiple subject transforms cannot also have a single subject filter`},
		{`"mirror":{"name":"O","subject_transforms":[{"src":"a..b","dest":"b"}]}`, `10151 mirror transform source: invalid subject a..b`},
		{`"mirror":{"name":"O","subject_transforms":[{"src":"a","dest":"{{x()}}"}]}`, `10154 mirror transform: invalid mapping destination: unknown function in {{x()}}`},
		{`"mirror":{"name":"O","subject_transforms":[{"src":"a.*","dest":"b"},{"src":"*.b","dest":"c"}]}`, `10152 mirror subject filters can not overlap`},
		{`"mirror":{"name":"a.b"}`, `10142 mirrored stream name is invalid`},
		{`"mirror":{"name":"O","consumer":{"name":"","deliver_subject":"d"}}`, `10213 stream mirror consumer config is invalid`},
		{`"mirror":{"name":"O","consumer":{"name":"c","deliver_subject":"d.*"}}`, `10213 stream mirror consumer config is invalid`},
		{`"mirror":{"name":"O","consumer":{"name":"c","deliver_subject":"d"},"opt_start_seq":1}`, `10213 stream mirror consumer config is invalid`},
		{`"mirror":{"name":"O","consumer":{"name":"c","deliver_subject":"d"},"filter_subject":"f"}`, `10213 stream mirror consumer config is invalid`},
		{`"mirror":{"name":"O","external":{"api":"A.*","deliver":""}}`, `10052 stream external api prefix "A.*" must be a valid subject without wildcards`},
		{`"mirror":{"name":"O","external":{"api":"$JS.API","deliver":""}}`, `10021 stream external api prefix $JS.API must not overlap with $JS.API`},
		{`"mirror":{"name":"O","external":{"api":"A","deliver":"D.>"}}`, `10024 stream external delivery prefix D.> must not contain wildcards`},
		{`"mirror":{"name":"S"}`, `10052 detected cycle`},
		{`"mirror":{"name":"BIG"},"max_msg_size":10`, `10030 stream mirror must have max message size >= source`},

		{`"sources":[{"name":"O"}],"allow_msg_schedules":true`, `10187 stream source can not also schedule messages`},
		{`"sources":[null]`, `10141 sourced stream name is invalid`},
		{`"sources":[{"name":""}]`, `10141 sourced stream name is invalid`},
		{`"sources":[{"name":"O"},{"name":"O"}]`, `10140 duplicate source configuration detected`},
		{`"sources":[{"name":"O","filter_subject":">"},{"name":"O"}]`, `10140 duplicate source configuration detected`},
		{`"sources":[{"name":"O","filter_subject":"a"},{"name":"O"}]`, ``},
		{`"sources":[{"name":"O","filter_subject":"a","subject_transforms":[{"src":"a","dest":"b"}]}]`, `10144 source with multiple subject transforms cannot also have a single subject filter`},
		{`"sources":[{"name":"O","subject_transforms":[{"src":"a..b","dest":"b"}]}]`, `10145 source transform source: invalid subject a..b`},
		{`"sources":[{"name":"O","subject_transforms":[{"src":"a.*","dest":"b.$2"}]}]`, `10146 source transform: invalid mapping destination: wildcard index out of range in $2: [2]`},
		{`"sources":[{"name":"O","subject_transforms":[{"src":"a.*","dest":"b"},{"src":"a.b","dest":"c"}]}]`, `10147 source filters can not overlap`},
		{`"sources":[{"name":"O","subject_transforms":[{"src":"a.*","dest":"b"},{"src":"*.b","dest":"c"}]}]`, ``},
		{`"sources":[{"name":"O","consumer":{"name":"c","deliver_subject":"*"}}]`, `10215 stream source consumer config is invalid`},
		{`"sources":[{"name":"O","consumer":{"name":"c","deliver_subject":"d"}},{"name":"O","consumer":{"name":"c","deliver_subject":"e"},"subject_transforms":[{"src":"a","dest":"b"}]}]`, `10216 duplicate stream source consumer detected`},
		{`"sources":[{"name":"BIG"}],"max_msg_size":10`, `10046 stream source must have max message size >= target`},
		{`"sources":[{"name":"S"}]`, `10052 detected cycle`},
		{`"sources":[{"name":"BACK"}]`, `10052 detected cycle`},
		{`"sources":[{"name":"DIAMOND"},{"name":"BIG"}]`, ``},
		{`"sources":[{"name":"S","filter_subject":"x"}],"subjects":["a"]`, ``},
		{`"sources":[{"name":"S","filter_subject":"*"}],"subjects":["a"]`, `10052 detected cycle`},
		{`"sources":[{"name":"S","external":{"api":"A","deliver":""}}],"subjects":["a"]`, ``},
		{`"sources":[{"name":"APART"}]`, ``},
		{`"allow_msg_schedules":true,"subjects":["a"],"subject_transform":{"src":"a","dest":"b c"}`, `10156 stream transform: invalid mapping destination: invalid transform`},
		{`"sources":[{"name":"WILD"},{"name":"X","external":{"api":"A","deliver":"w"}}]`, `10022 stream external delivery prefix w overlaps with stream subject >`},
	} {
		w := free(
			&StreamConfig{Name: "BIG", Subjects: []string{"big"}, MaxMessageSize: 100},
			&StreamConfig{Name: "BACK", Sources: []*StreamSource{{Name: "MIDDLE"}}},
			&StreamConfig{Name: "MIDDLE", Mirror: &StreamSource{Name: "S"}},
			&StreamConfig{Name: "DIAMOND", Sources: []*StreamSource{{Name: "BIG"}}},
			&StreamConfig{Name: "WILD", Subjects: []string{">"}},
			&StreamConfig{Name: "APART", Subjects: []string{"b"}, Sources: []*StreamSource{{Name: "S", FilterSubject: "c"}, {Name: "S", External: &ExternalStream{}}}},
		)
		text := tt.config
		if !strings.HasPrefix(text, `"name"`) {
			text = `"name":"S",` + text
		}
		r := streamRequest(t, "{"+text+"}")
		if _, err := CheckStream(&r.StreamConfig, w, false); !says(err, tt.want) {
			t.Errorf("%.200s:\ngot  %v\nwant %s", tt.config, err, tt.want)
		}
	}
	if _, err := CheckStream(nil, free(), false); !says(err, "10052 stream configuration invalid") {
		t.Errorf("nothing is %v", err)
	}
}

func TestStreamsWithWordsThatNoJSONBrings(t *testing.T) {
	for want, c := range map[string]StreamConfig{
		"invalid retention":      {Retention: 9},
		"invalid discard policy": {Discard: 9},
		"invalid compression":    {Compression: 9},
		"invalid storage type":   {Storage: 9},
		"invalid persist mode":   {PersistMode: 9},
	} {
		c.Name = "S"
		if _, err := CheckStream(&c, free(), false); !says(err, "10052 "+want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestPedanticStreams(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{`"max_msgs":-2`, `10157 pedantic mode: max_msgs must be set to -1`},
		{`"max_msgs_per_subject":-2`, `10157 pedantic mode: max_msgs_per_subject must be set to -1`},
		{`"max_bytes":-2`, `10157 pedantic mode: max_bytes must be set to -1`},
		{`"max_msg_size":-2`, `10157 pedantic mode: max_msg_size must be set to -1`},
		{`"max_consumers":-2`, `10157 pedantic mode: max_consumers must be set to -1`},
		{`"max_msgs":0`, ``},
		{`"max_age":1000000000`, `10157 pedantic mode: duplicate window cannot be bigger than max age`},
		{`"subject_delete_marker_ttl":1000000000`, `10052 subject delete marker cannot be set if message TTLs are disabled`},
		{`"subject_delete_marker_ttl":1000000000,"allow_msg_ttl":true`, `10052 subject delete marker cannot be set if roll-ups are disabled`},
		{`"subject_delete_marker_ttl":1000000000,"allow_msg_ttl":true,"allow_rollup_hdrs":true`, ``},
		{`"allow_msg_schedules":true`, `10052 message scheduling cannot be set if roll-ups are disabled`},
		{`"mirror":{"name":"DIRECT"}`, `10157 pedantic mode: origin stream has direct get set, mirror has it disabled`},
		{`"mirror":{"name":"DIRECT"},"mirror_direct":true`, ``},
		{`"republish":{"dest":"b"}`, `10157 pedantic mode: republish source can not be empty`},
		{`"subjects":["a"],"subject_transform":{"src":"a","dest":"b"},"republish":{"src":">","dest":">"}`, `10157 pedantic mode: implicit republish based on subject transform`},
	} {
		r := streamRequest(t, `{"name":"S","pedantic":true,`+tt.config+`}`)
		w := free(&StreamConfig{Name: "DIRECT", AllowDirect: true})
		if _, err := CheckStream(&r.StreamConfig, w, r.Pedantic); !says(err, tt.want) {
			t.Errorf("%s:\ngot  %v\nwant %s", tt.config, err, tt.want)
		}
	}
	w := free()
	w.Server.DuplicateWindow = time.Minute
	if _, err := CheckStream(&StreamConfig{Name: "S"}, w, true); !says(err, `10157 pedantic mode: duplicate window limits are higher than current limits`) {
		t.Errorf("got %v", err)
	}
}

func TestDefaultsOfStreams(t *testing.T) {
	minute := free()
	minute.Server.DuplicateWindow = time.Minute
	direct := free(&StreamConfig{Name: "O", AllowDirect: true, Subjects: []string{"o"}})
	for _, tt := range []struct {
		w         *World
		text, has string
	}{
		{free(), `{"name":"S"}`, `"subjects":["S"]`},
		{free(), `{"name":"S","subjects":[]}`, `"subjects":["S"]`},
		{free(), `{"name":"S","max_msgs":-7,"max_bytes":0,"max_msg_size":-2}`, `"max_msgs":-1,"max_bytes":-1,"max_age":0,"max_msgs_per_subject":-1,"max_msg_size":-1`},
		{free(), `{"name":"S"}`, `"num_replicas":1,"duplicate_window":120000000000,`},
		{free(), `{"name":"S","max_age":1000000000}`, `"duplicate_window":1000000000,`},
		{minute, `{"name":"S"}`, `"duplicate_window":60000000000,`},
		{free(), `{"name":"S","sources":[{"name":"O"}]}`, `"num_replicas":1,"sources":[{"name":"O"}]`},
		{direct, `{"name":"S","mirror":{"name":"O"}}`, `"allow_direct":false,"mirror_direct":true`},
		{free(), `{"name":"S","placement":{"tags":[]}}`, `"duplicate_window":120000000000,"compression"`},
		{free(), `{"name":"S","placement":{"cluster":"c"}}`, `"placement":{"cluster":"c"}`},
		{free(), `{"name":"S","subject_delete_marker_ttl":1000000000,"deny_purge":true}`, `"deny_purge":false,"allow_rollup_hdrs":true,"consumer_limits":{},"allow_msg_ttl":true`},
		{free(), `{"name":"S","allow_msg_schedules":true}`, `"allow_rollup_hdrs":true`},
		{free(), `{"name":"S","republish":{"dest":"b.>"}}`, `"republish":{"src":"\u003e","dest":"b.\u003e"}`},
		{free(), `{"name":"S","subjects":["a.>"],"subject_transform":{"src":"a.>","dest":"b.>"},"republish":{"src":">","dest":">"}}`, `"republish":{"src":"b.\u003e","dest":"b.\u003e"}`},
	} {
		r := streamRequest(t, tt.text)
		before := toJSON(t, r)
		c, err := CheckStream(&r.StreamConfig, tt.w, false)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := toJSON(t, c); !strings.Contains(got, tt.has) {
			t.Errorf("%s:\ngot     %s\nwithout %s", tt.text, got, tt.has)
		}
		if after := toJSON(t, r); after != before {
			t.Errorf("the request became %s", after)
		}
	}
	if _, err := CheckStream(&StreamConfig{Name: "S", DuplicateWindow: 2 * time.Minute}, minute, false); !says(err, `10052 duplicates window can not be larger then server limit of 1m0s`) {
		t.Errorf("got %v", err)
	}
}

func TestTheFirstMistakeIsTold(t *testing.T) {
	// in the order of the steps; each is put right in turn
	wrong := []struct {
		key, value, want string
	}{
		{"description", `"` + strings.Repeat("x", 5000) + `"`, "stream description is too long, maximum allowed is 4096"},
		{"metadata", `{"k":"` + strings.Repeat("x", 131072) + `"}`, "stream metadata exceeds maximum size of 131072 bytes"},
		{"num_replicas", "9", "maximum replicas is 5"},
		{"max_age", "1", "max age needs to be >= 100ms"},
		{"duplicate_window", "1", "duplicates window needs to be >= 100ms"},
		{"allow_rollup_hdrs", "true", "roll-ups require the purge permission"},
		{"allow_msg_counter", "true", "counter stream can only use limits retention"},
		{"discard_new_per_subject", "true", "discard new per subject requires discard new policy to be set"},
		{"subject_delete_marker_ttl", "-1", "subject delete marker TTL must not be negative"},
		{"persist_mode", `"async"`, "async persist mode is only supported on file storage"},
		{"sources", `[{"name":"O","filter_subject":"a","subject_transforms":[{"src":"a","dest":"b"}]}]`, "source with multiple subject transforms cannot also have a single subject filter"},
		{"subjects", `["a..b"]`, "invalid subject"},
		{"subject_transform", `{"src":"x..y","dest":"z"}`, "stream transform source: invalid subject x..y"},
		{"republish", `{"src":"a.*","dest":"b.>"}`, "stream configuration for republish with transform from 'a.*' to 'b.>' not valid"},
		{"placement", `{"preferred":"s"}`, "preferred server not permitted in placement"},
	}
	for i := range wrong {
		text := `{"name":"S","deny_purge":true,"retention":"interest","storage":"memory"`
		for _, mistake := range wrong[i:] {
			text += `,"` + mistake.key + `":` + mistake.value
		}
		r := streamRequest(t, text+"}")
		var e *Error
		if _, err := CheckStream(&r.StreamConfig, free(), false); !errors.As(err, &e) || e.Description != wrong[i].want {
			t.Errorf("step %d: %v, want %s", i, err, wrong[i].want)
		}
	}
}

// anyStream draws configurations of which many are right.
func anyStream() *rapid.Generator[*StreamConfig] {
	return rapid.Custom(func(t *rapid.T) *StreamConfig {
		seldom := func(label string) bool { return rapid.IntRange(0, 9).Draw(t, label) == 0 }
		subjects := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b.*", "c.>", "d.e.f", "b.x", "$JS.EVENT.x", "é"}), 0, 3)
		c := &StreamConfig{
			Name:           rapid.SampledFrom([]string{"S", "T", "a.b"}).Draw(t, "name"),
			Subjects:       subjects.Draw(t, "subjects"),
			Retention:      RetentionPolicy(rapid.IntRange(0, 2).Draw(t, "retention")),
			MaxMessages:    rapid.Int64Range(-3, 3).Draw(t, "msgs"),
			MaxBytes:       rapid.Int64Range(-3, 3).Draw(t, "bytes"),
			MaxPerSubject:  rapid.Int64Range(-3, 3).Draw(t, "per"),
			MaxMessageSize: rapid.Int32Range(-3, 3).Draw(t, "size"),
			MaxConsumers:   rapid.IntRange(-3, 3).Draw(t, "consumers"),
			MaxAge:         rapid.SampledFrom([]time.Duration{0, 0, time.Second, time.Hour, 1}).Draw(t, "age"),
			Discard:        DiscardPolicy(rapid.IntRange(0, 1).Draw(t, "discard")),
			Storage:        StorageType(rapid.IntRange(0, 1).Draw(t, "storage")),
			Replicas:       rapid.IntRange(0, 3).Draw(t, "replicas"),
			DenyPurge:      seldom("deny"),
			AllowRollup:    seldom("rollup"),
			AllowSchedules: seldom("schedules"),
			AllowCounter:   seldom("counter"),
			PersistMode:    PersistMode(rapid.IntRange(0, 1).Draw(t, "persist")),
		}
		if seldom("markers") {
			c.SubjectDeleteMarkerTTL = time.Second
		}
		if seldom("mirror") {
			c.Mirror, c.Subjects = &StreamSource{Name: "O"}, nil
		}
		if seldom("source") {
			c.Sources = []*StreamSource{{Name: "O", FilterSubject: "x"}}
		}
		if seldom("republish") {
			c.RePublish = &RePublish{Destination: "r.>"}
		}
		if seldom("metadata") {
			c.Metadata = map[string]string{"k": "v", VersionKey: "x"}
		}
		return c
	})
}

func TestACompleteConfigurationIsComplete(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyStream().Draw(t, "config")
		w := free(&StreamConfig{Name: "O", AllowDirect: rapid.Bool().Draw(t, "direct")})
		once, err := CheckStream(c, w, false)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%v is no error of the API", err)
			}
			return
		}
		twice, err := CheckStream(once, w, true)
		if err != nil {
			t.Fatalf("what is complete is refused: %v", err)
		}
		if !SameStream(once, twice) {
			t.Fatalf("%+v became %+v", once, twice)
		}
		strict, err := CheckStream(c, w, true)
		if err == nil && !SameStream(once, strict) {
			t.Fatalf("pedantic, it is %+v, else %+v", strict, once)
		}
	})
}

// FuzzStreams creates streams from anything: no mistake is overlooked so that the
// same request fails after it succeeded, and what was created can be created again.
func FuzzStreams(f *testing.F) {
	f.Add([]byte(fullStream))
	f.Add([]byte(`{"name":"S","subjects":["a","*.b",">"]}`))
	f.Add([]byte(`{"name":"S","mirror":{"name":"O","subject_transforms":[{"src":"a.*","dest":"b.{{wildcard(1)}}"}]}}`))
	f.Add([]byte(`{"name":"S","sources":[null,{"name":"O","external":{"api":"a","deliver":"b"}}],"republish":{"src":">","dest":"x.>"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r StreamRequest
		if _, err := Decode(data, &r, true); err != nil {
			return
		}
		w := free(&StreamConfig{Name: "O", Subjects: []string{"o.>"}, Sources: []*StreamSource{{Name: "S"}}})
		w.Alone = false
		config, exists, err := CreateStream(r.Name, &r, w)
		var e *Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%v is no error of the API", err)
		}
		if err != nil || exists {
			return
		}
		w.Streams.(StreamMap)[config.Name] = config
		again := &StreamRequest{StreamConfig: PresentStream(config, "9.9.9")}
		if !again.Sealed {
			if _, exists, err = CreateStream(r.Name, again, w); err != nil || !exists {
				t.Fatalf("%s cannot be created again: %t %v", toJSON(t, config), exists, err)
			}
		}
		updated, err := UpdateStream(r.Name, again, w, nil)
		if err != nil || !SameStream(config, updated) || !maps.Equal(config.Metadata, updated.Metadata) {
			t.Fatalf("%s cannot be updated to itself: %v\n%s", toJSON(t, config), err, toJSON(t, updated))
		}
	})
}

func TestIndexesOfSources(t *testing.T) {
	for want, s := range map[string]*StreamSource{
		"O > >":   {Name: "O"},
		"O a.* >": {Name: "O", FilterSubject: "a.*"},
		"O a\f> b\f>": {Name: "O", SubjectTransforms: []SubjectTransform{
			{Source: "a", Destination: "b"}, {}}},
		"O:" + Hash("$JS.D.API") + " > >":             {Name: "O", External: &ExternalStream{APIPrefix: "$JS.D.API"}},
		"O:" + Hash("A") + ":C=" + Hash("c") + " > >": {Name: "O", External: &ExternalStream{APIPrefix: "A"}, Consumer: &SourceConsumer{Name: "c"}},
		"O:C=" + Hash("c") + " x >":                   {Name: "O", FilterSubject: "x", Consumer: &SourceConsumer{Name: "c"}},
	} {
		if got := s.Index(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestStreamsOfAMapAreCalledUntilEnough(t *testing.T) {
	m := StreamMap{"A": {Name: "A"}, "B": {Name: "B"}}
	var names []string
	m.Each(func(c *StreamConfig) bool { names = append(names, c.Name); return true })
	slices.Sort(names)
	if !slices.Equal(names, []string{"A", "B"}) {
		t.Errorf("the streams are %v", names)
	}
	n := 0
	m.Each(func(*StreamConfig) bool { n++; return false })
	if n != 1 {
		t.Errorf("%d streams were enough", n)
	}
}
