package api

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStreamsAreCreatedOnce(t *testing.T) {
	present := stream(t, `{"name":"S","subjects":["a.>"],"metadata":{"k":"v"}}`)
	StampStream(present)
	mirrored := stream(t, `{"name":"M","mirror":{"name":"S"}}`)
	for _, tt := range []struct {
		name, request string
		exists        bool
		want          string
	}{
		{"T", `{"name":"T","subjects":["b"]}`, false, ""},
		{"S", `{"name":"S","subjects":["a.>"],"metadata":{"k":"v"}}`, true, ""},
		{"S", `{"name":"S","subjects":["a.>"],"max_msgs":-1,"num_replicas":1,"metadata":{"k":"v","_nats.req.level":"77","_nats.ver":"1","_nats.level":"x"}}`, true, ""},
		{"S", `{"name":"S","subjects":["a.>"]}`, false, "10058 stream name already in use with a different configuration"},
		{"S", `{"name":"S","subjects":["b"],"metadata":{"k":"v"}}`, false, "10058 stream name already in use with a different configuration"},
		{"T", `{"name":"S"}`, false, "10056 stream name in subject does not match request"},
		{"T", `{}`, false, "10056 stream name in subject does not match request"},
		{"a/b", `{"name":"a/b"}`, false, "10128 Stream name can not contain path separators"},
		{`a\b`, `{"name":"a\\b"}`, false, "10128 Stream name can not contain path separators"},
		{"T", `{"name":"T","sealed":true}`, false, "10052 stream configuration for create can not be sealed"},
		{"T", `{"name":"T","mirror_direct":true}`, false, "10052 stream has no mirror but does have mirror direct"},
		{"T", `{"name":"T","subjects":["a.*"]}`, false, "10065 subjects overlap with an existing stream"},
		{"T", `{"name":"T","subjects":["x","a.b"]}`, false, "10065 subjects overlap with an existing stream"},
		{"T", `{"name":"T","num_replicas":3}`, false, "10074 replicas > 1 not supported in non-clustered mode"},
		{"T", `{"name":"T","mirror":{"name":"S","filter_subject":"a..b"}}`, false, "10049 subject filter 'a..b' for the mirror invalid subject"},
		{"T", `{"name":"T","sources":[{"name":"S","filter_subject":"a..b"}]}`, false, "10049 subject filter 'a..b' for the source: invalid subject"},
		{"T", `{"name":"T","mirror":{"name":"S"}}`, false, ""},
		{"T", `{"name":"T","pedantic":true,"max_msgs":-5}`, false, "10157 pedantic mode: max_msgs must be set to -1"},
	} {
		config, exists, err := CreateStream(tt.name, streamRequest(t, tt.request), free(present, mirrored))
		if exists != tt.exists || !says(err, tt.want) {
			t.Errorf("%s: %t %v, want %t %s", tt.request, exists, err, tt.exists, tt.want)
		}
		if err == nil && config.Metadata[RequiredLevelKey] != "0" {
			t.Errorf("%s: the metadata are %v", tt.request, config.Metadata)
		}
	}
}

func TestStreamsAreRestoredIfThereIsNone(t *testing.T) {
	w := free(stream(t, `{"name":"S","subjects":["a.>"]}`))
	for _, tt := range []struct{ name, config, want string }{
		{"T", `{"name":"T","subjects":["b"]}`, ""},
		{"T", `{"name":"","subjects":["b"]}`, ""},
		{"T", `{"name":"T","sealed":true}`, ""},
		{"T", `{"name":"S"}`, "10056 stream name in subject does not match request"},
		{"S", `{"name":"S"}`, "10130 stream name already in use, cannot restore"},
		{"T", `{"name":"T","subjects":["a.b"]}`, "10065 subjects overlap with an existing stream"},
		{"T", `{"name":"T","max_age":1}`, "10052 max age needs to be >= 100ms"},
	} {
		r := RestoreRequest{Config: streamRequest(t, tt.config).StreamConfig}
		config, err := RestoreStream(tt.name, &r, w)
		if !says(err, tt.want) {
			t.Errorf("%s: %v, want %s", tt.config, err, tt.want)
		}
		if err == nil && config.Name != tt.name {
			t.Errorf("%s: the name is %s", tt.config, config.Name)
		}
	}
}

func TestWhatStreamsCannotChange(t *testing.T) {
	for _, tt := range []struct{ old, change, want string }{
		{``, ``, ""},
		{``, `"max_msgs":5,"subjects":["x"],"description":"d","discard":"new","allow_atomic":true,"max_consumers":3,"first_seq":7,"compression":"s2","no_ack":true`, ""},
		{``, `"storage":"memory"`, "10052 stream configuration update can not change storage type"},
		{``, `"retention":"interest"`, ""},
		{`"retention":"interest"`, ``, ""},
		{``, `"retention":"workqueue"`, "10052 stream configuration update can not change retention policy to/from workqueue"},
		{`"retention":"workqueue"`, `"retention":"interest"`, "10052 stream configuration update can not change retention policy to/from workqueue"},
		{`"sealed":true`, ``, "10052 stream configuration update can not unseal a sealed stream"},
		{`"deny_delete":true`, ``, "10052 stream configuration update can not cancel deny message deletes"},
		{`"deny_purge":true`, ``, "10052 stream configuration update can not cancel deny purge"},
		{`"mirror":{"name":"O"}`, `"mirror":{"name":"P"}`, "10055 stream mirror configuration can not be updated"},
		{`"mirror":{"name":"O"}`, `"mirror":{"name":"O"},"max_msgs":4`, ""},
		{`"mirror":{"name":"O"}`, `"subjects":["p"]`, ""},
		{``, `"mirror":{"name":"P"}`, "10055 stream mirror configuration can not be updated"},
		{`"allow_msg_ttl":true`, ``, "10052 message TTL status can not be disabled"},
		{`"allow_msg_counter":true`, ``, "10052 stream configuration update can not change message counter setting"},
		{``, `"allow_msg_counter":true`, "10052 stream configuration update can not change message counter setting"},
		{`"allow_msg_schedules":true`, ``, "10052 message schedules can not be disabled"},
		{``, `"persist_mode":"async"`, "10052 stream configuration update can not change persist mode"},
		{``, `"num_replicas":3`, "10074 replicas > 1 not supported in non-clustered mode"},
		{``, `"subjects":["other.x"]`, "10065 subjects overlap with an existing stream"},
		{``, `"max_age":1`, "10052 max age needs to be >= 100ms"},
		{``, `"sources":[{"name":"O","filter_subject":"a b"}]`, "10069 subject filter 'a b' for the source: invalid subject"},
		{``, `"consumer_limits":{"max_ack_pending":10}`, "10069 change to limits violates consumers: a, b"},
		{``, `"consumer_limits":{"max_ack_pending":20,"inactive_threshold":1}`, "10069 change to limits violates consumers: b, c"},
		{`"consumer_limits":{"max_ack_pending":10}`, `"consumer_limits":{"max_ack_pending":10}`, ""},
		{``, `"consumer_limits":{"max_ack_pending":100,"inactive_threshold":100}`, ""},
	} {
		begin := func(rest string) string { return strings.TrimSuffix(`{"name":"S",`+rest, ",") + "}" }
		w := free(stream(t, begin(tt.old)), stream(t, `{"name":"OTHER","subjects":["other.>"]}`))
		consumers := []*ConsumerConfig{{Name: "b", MaxAckPending: 21}, {Name: "a", MaxAckPending: 11}, {Name: "c", InactiveThreshold: 5}}
		config, err := UpdateStream("S", streamRequest(t, begin(tt.change)), w, consumers)
		if !says(err, tt.want) {
			t.Errorf("%s to %s: %v, want %s", tt.old, tt.change, err, tt.want)
		}
		if err == nil && config.Metadata[RequiredLevelKey] == "" {
			t.Errorf("%s to %s: the metadata are %v", tt.old, tt.change, config.Metadata)
		}
	}
}

func TestUpdatesAreForStreamsThatExist(t *testing.T) {
	w := free(stream(t, `{"name":"S"}`))
	for _, tt := range []struct{ name, request, want string }{
		{"S", `{"name":"T"}`, "10056 stream name in subject does not match request"},
		{"T", `{"name":"T"}`, "10059 stream not found"},
		{"T", `{"name":"T","max_age":1}`, "10052 max age needs to be >= 100ms"},
		{"T", `{"name":"S","max_age":1}`, "10052 max age needs to be >= 100ms"},
	} {
		if _, err := UpdateStream(tt.name, streamRequest(t, tt.request), w, nil); !says(err, tt.want) {
			t.Errorf("%s: %v, want %s", tt.request, err, tt.want)
		}
	}
}

func TestASealedStreamKeepsEverything(t *testing.T) {
	w := free(stream(t, `{"name":"S","max_age":1000000000,"allow_rollup_hdrs":true}`))
	config, err := UpdateStream("S", streamRequest(t, `{"name":"S","sealed":true,"max_age":1000000000,"allow_rollup_hdrs":true}`), w, nil)
	if err != nil {
		t.Fatal(err)
	}
	if config.MaxAge != 0 || config.Discard != DiscardNew || !config.DenyDelete || !config.DenyPurge || config.AllowRollup {
		t.Errorf("sealed, it is %+v", config)
	}
}

func TestLimitsOfAccounts(t *testing.T) {
	for _, tt := range []struct {
		limits  string
		request string
		want    string
	}{
		{"", `"max_bytes":50`, ""},
		{"streams 1", ``, "10027 maximum number of streams reached"},
		{"streams 2", ``, ""},
		{"consumers 5", `"max_consumers":6`, "10026 maximum consumers limit reached"},
		{"consumers 5", `"max_consumers":5`, ""},
		{"storage 149", `"max_bytes":50`, "10047 insufficient storage resources available"},
		{"storage 150", `"max_bytes":50`, ""},
		{"storage 100", ``, "10047 insufficient storage resources available"},
		{"storage 101", ``, ""},
		{"storage 0", `"storage":"memory"`, ""},
		{"memory 49", `"max_bytes":50,"storage":"memory"`, "10028 insufficient memory resources available"},
		{"memory 50", `"max_bytes":50,"storage":"memory"`, ""},
		{"memory 0", `"storage":"memory"`, "10028 insufficient memory resources available"},
		{"required", ``, "10113 account requires a stream config to have max bytes set"},
		{"required", `"max_bytes":1`, ""},
		{"stream-storage 10", `"max_bytes":11`, "10122 stream max bytes exceeds account limit max stream bytes"},
		{"stream-storage 10", `"max_bytes":11,"storage":"memory"`, ""},
		{"stream-memory 10", `"max_bytes":11,"storage":"memory"`, "10122 stream max bytes exceeds account limit max stream bytes"},
		{"server-storage 49", `"max_bytes":50`, "10047 insufficient storage resources available"},
		{"server-memory 49", `"max_bytes":50,"storage":"memory"`, "10028 insufficient memory resources available"},
		{"server-memory 49", `"max_bytes":9223372036854775807,"storage":"memory"`, "10028 insufficient memory resources available"},
		{"tier", ``, ""},
		{"no-tier", ``, "10120 no JetStream default or applicable tiered limit present"},
	} {
		w := free(stream(t, `{"name":"OLD","max_bytes":100}`))
		limits := Unlimited()
		word, number, _ := strings.Cut(tt.limits, " ")
		var n int64
		fmt.Sscan(number, &n)
		switch word {
		case "streams":
			limits.MaxStreams = int(n)
		case "consumers":
			limits.MaxConsumers = int(n)
		case "storage":
			limits.MaxStorage = n
		case "memory":
			limits.MaxMemory = n
		case "required":
			limits.MaxBytesRequired = true
		case "stream-storage":
			limits.StorageMaxStreamBytes = n
		case "stream-memory":
			limits.MemoryMaxStreamBytes = n
		case "server-storage":
			w.Server.MaxStorage = n
		case "server-memory":
			w.Server.MaxMemory = n
		}
		w.Tiers = Tiers{"": limits}
		switch word {
		case "tier":
			w.Tiers = Tiers{"R1": limits}
		case "no-tier":
			w.Tiers = Tiers{"R3": limits}
		}
		text := strings.TrimSuffix(`{"name":"S",`+tt.request, ",") + "}"
		if _, _, err := CreateStream("S", streamRequest(t, text), w); !says(err, tt.want) {
			t.Errorf("%s, %s: %v, want %s", tt.limits, tt.request, err, tt.want)
		}
	}
}

func TestAnUpdateNeedsRoomForWhatItAdds(t *testing.T) {
	limits := Unlimited()
	limits.MaxStorage = 200
	w := free(stream(t, `{"name":"S","max_bytes":100}`), stream(t, `{"name":"T","max_bytes":50}`))
	w.Tiers = Tiers{"": limits}
	w.Server.MaxStorage, w.Server.ReservedStorage = 160, 150
	for _, tt := range []struct{ change, want string }{
		{`{"name":"S","max_bytes":110}`, ""},
		{`{"name":"S","max_bytes":111}`, "10047 insufficient storage resources available"},
		{`{"name":"S","max_bytes":10}`, ""},
		{`{"name":"S"}`, ""},
	} {
		if _, err := UpdateStream("S", streamRequest(t, tt.change), w, nil); !says(err, tt.want) {
			t.Errorf("%s: %v, want %s", tt.change, err, tt.want)
		}
	}
	w.Server.MaxStorage = math.MaxInt64
	if _, err := UpdateStream("S", streamRequest(t, `{"name":"S","max_bytes":151}`), w, nil); !says(err, "10047 insufficient storage resources available") {
		t.Errorf("beyond the account: %v", err)
	}
}

func TestRoomAgreesWithNumbersOfAnySize(t *testing.T) {
	numbers := rapid.OneOf(rapid.Int64Range(-2, 20), rapid.SampledFrom([]int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / 2}))
	rapid.Check(t, func(t *rapid.T) {
		w := free()
		w.Alone = false
		limits := Unlimited()
		limits.MaxStorage = numbers.Draw(t, "limit")
		tiered := rapid.Bool().Draw(t, "tiered")
		w.Tiers = Tiers{"": limits}
		if tiered {
			w.Tiers = Tiers{"R1": limits, "R3": limits}
		}
		w.Server.MaxStorage = numbers.Filter(func(n int64) bool { return n >= 0 }).Draw(t, "server")
		w.Server.ReservedStorage = numbers.Filter(func(n int64) bool { return n >= 0 }).Draw(t, "reserved")
		replicas := rapid.SampledFrom([]int{1, 3})
		c := &StreamConfig{Name: "S", MaxBytes: numbers.Draw(t, "bytes"), Replicas: replicas.Draw(t, "replicas")}

		times := func(replicas int, bytes int64) *big.Int {
			n := big.NewInt(max(bytes, 0))
			if !tiered {
				n.Mul(n, big.NewInt(int64(replicas)))
			}
			return n
		}
		used := new(big.Int)
		for i := range rapid.IntRange(0, 4).Draw(t, "others") {
			other := &StreamConfig{Name: fmt.Sprint(i), Storage: StorageType(rapid.IntRange(0, 1).Draw(t, "storage")), MaxBytes: numbers.Draw(t, "bytes"), Replicas: replicas.Draw(t, "replicas")}
			w.Streams.(StreamMap)[other.Name] = other
			if other.Storage == FileStorage && (!tiered || other.Replicas == c.Replicas) {
				used.Add(used, times(other.Replicas, other.MaxBytes))
			}
		}
		need := c.MaxBytes
		if need < 0 {
			need = 1
		}
		account := used.Add(used, times(c.Replicas, need))
		server := new(big.Int).Add(big.NewInt(w.Server.ReservedStorage), big.NewInt(need))
		// a sum beyond what is counted is as good as the largest number
		most := big.NewInt(math.MaxInt64)
		saturated := account.Cmp(most) > 0
		full := limits.MaxStorage >= 0 && account.Cmp(big.NewInt(limits.MaxStorage)) > 0 || server.Cmp(big.NewInt(w.Server.MaxStorage)) > 0

		err := w.checkStreams(c)
		if saturated && limits.MaxStorage == math.MaxInt64 {
			return
		}
		if (err != nil) != full {
			t.Fatalf("%v, want full %t: account %v, server %v", err, full, account, server)
		}
	})
}

func TestSetsOfSubjectsAgreeWithComparingAll(t *testing.T) {
	names := rapid.SliceOfN(rapid.StringMatching(`([ab*]\.){0,3}[ab*>]`), 0, 8)
	rapid.Check(t, func(t *rapid.T) {
		a, b := names.Draw(t, "a"), names.Draw(t, "b")
		overlap := false
		for _, s := range a {
			overlap = overlap || overlapping(s, b) != ""
		}
		if got := Overlap(a, b); got != overlap {
			t.Fatalf("%v and %v overlap: %t", a, b, got)
		}
		first, narrower := len(a), len(a)
		for i := len(a) - 1; i >= 0; i-- {
			if overlapping(a[i], a[i+1:]) != "" {
				first = i
			}
			for k := range a {
				if i != k && coveredBy(a[i], a[k]) {
					narrower = i
				}
			}
		}
		if got := firstOverlap(a); got != first {
			t.Fatalf("%v: the first overlap is %d, want %d", a, got, first)
		}
		if got := anyNarrower(a); got != narrower {
			t.Fatalf("%v: the first narrower is %d, want %d", a, got, narrower)
		}
	})
}

// coveredBy compares token by token.
func coveredBy(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i, token := range y {
		switch {
		case i >= len(x):
			return false
		case token == ">":
			return true
		case x[i] == ">" || token != "*" && token != x[i]:
			return false
		}
	}
	return len(x) == len(y)
}

func TestManyAndLongSubjectsAreJudgedFast(t *testing.T) {
	var many []string
	for i := range 50_000 {
		many = append(many, fmt.Sprintf("orders.%d.*", i))
	}
	stars := strings.Repeat("*.", MaxSubjectLength/2-2)
	deep := "x." + stars + "*"
	c := &StreamConfig{Name: "S", Subjects: append(many, deep)}
	if _, err := CheckStream(c, free(), false); err != nil {
		t.Errorf("%v", err)
	}
	filters := append(many[:len(many):len(many)], deep, "x.y."+stars[2:]+"*")
	if i := anyNarrower(filters); i != len(filters)-1 {
		t.Errorf("the first narrower is %d", i)
	}
}
