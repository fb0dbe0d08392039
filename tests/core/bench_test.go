package core_test

import (
	"bufio"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
	"github.com/godwit-mq/godwit/tests/kit"
)

// load is a connection for benchmarks, which have no deadline.
func load(b *testing.B, s *godwit.Server, user string) *kit.Wire {
	b.Helper()
	w := kit.Dial(b, s.Addr())
	w.Send(fmt.Sprintf(`CONNECT {"verbose":false,"pedantic":false,"user":%q,"pass":"pw"}`, user), "PING")
	w.Expect("PONG")
	kit.OK(b, w.SetDeadline(time.Time{}))
	return w
}

// receiver subscribes to foo n times, with sids of one length.
func receiver(b *testing.B, s *godwit.Server, user, subject, queue string, n int) *kit.Wire {
	b.Helper()
	w := load(b, s, user)
	for i := range n {
		w.Send(fmt.Sprintf("SUB %s %s %d", subject, queue, 1000+i))
	}
	w.Send("PING")
	w.Expect("PONG")
	return w
}

// drain reads until n bytes have come.
func drain(t testing.TB, w *kit.Wire, n int64) {
	if got, err := io.CopyN(io.Discard, w.Reader, n); err != nil {
		t.Errorf("%d of %d bytes: %v", got, n, err)
	}
}

// pump sends an operation n times.
func pump(t testing.TB, w *kit.Wire, operation string, n int) {
	out := bufio.NewWriterSize(w.Conn, 32<<10)
	for range n {
		if _, err := out.WriteString(operation); err != nil {
			t.Errorf("write: %v", err)
			return
		}
	}
	if err := out.Flush(); err != nil {
		t.Errorf("write: %v", err)
	}
}

// publication is a PUB of foo, and what comes of it for a subscription.
func publication(size int) (pub, msg string) {
	payload := strings.Repeat("x", size)
	return fmt.Sprintf("PUB foo %d\r\n%s\r\n", size, payload), fmt.Sprintf("MSG foo 1000 %d\r\n%s\r\n", size, payload)
}

// transfer sends publications of several connections to receivers, each of which
// gets this many copies of all of them.
func transfer(b *testing.B, senders, receivers []*kit.Wire, size, copies int) {
	b.Helper()
	pub, msg := publication(size)
	each := (b.N + len(senders) - 1) / len(senders)
	b.SetBytes(int64(len(pub) + len(msg)*copies*len(receivers)))
	b.ResetTimer()
	var work sync.WaitGroup
	for _, w := range receivers {
		work.Go(func() { drain(b, w, int64(len(msg))*int64(copies)*int64(each)*int64(len(senders))) })
	}
	for _, w := range senders {
		work.Go(func() { pump(b, w, pub, each) })
	}
	work.Wait()
	b.StopTimer()
}

// open has nobody to authenticate; locked has a user bench who may publish a few
// subjects, and one whose subscriptions are partly denied.
const (
	open   = "listen: 127.0.0.1:-1"
	locked = `authorization { users: [
		{user: bench, password: pw, permissions: {publish: [a, foo, "bench.>"], subscribe: ["foo", "bench.*"]}}
		{user: denied, password: pw, permissions: {subscribe: {deny: ["bar", "baz.>"]}}}
	] }`
)

// One connection publishes and nobody listens.
//
// Go: Benchmark______Pub0b_Payload test/bench_test.go:98
// Go: Benchmark______Pub8b_Payload test/bench_test.go:102
// Go: Benchmark_____Pub32b_Payload test/bench_test.go:108
// Go: Benchmark____Pub128B_Payload test/bench_test.go:114
// Go: Benchmark____Pub256B_Payload test/bench_test.go:120
// Go: Benchmark______Pub1K_Payload test/bench_test.go:126
// Go: Benchmark______Pub4K_Payload test/bench_test.go:132
// Go: Benchmark______Pub8K_Payload test/bench_test.go:138
// Go: Benchmark_____Pub32K_Payload test/bench_test.go:144
// Go: Benchmark__AuthPub0b_Payload test/bench_test.go:173
func BenchmarkPublish(b *testing.B) {
	publish := func(b *testing.B, text, user string, size int) {
		w := load(b, godwittest.RunConfig(b, text), user)
		pub, _ := publication(size)
		b.SetBytes(int64(len(pub)))
		b.ResetTimer()
		pump(b, w, pub, b.N)
		w.Send("PING")
		w.Expect("PONG")
		b.StopTimer()
	}
	for _, size := range []int{0, 8, 32, 128, 256, 1 << 10, 4 << 10, 8 << 10, 32 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) { publish(b, open, "", size) })
	}
	b.Run("0 with permissions", func(b *testing.B) { publish(b, locked, "bench", 0) })
}

// A connection receives what it publishes itself: by one subscription, by one whose
// user is denied other subjects, or by one of several members of a queue group.
//
// Go: Benchmark_____________PubSub test/bench_test.go:199
// Go: Benchmark__DenyMsgNoWCPubSub test/bench_test.go:536
// Go: Benchmark_DenyMsgYesWCPubSub test/bench_test.go:574
// Go: Benchmark_____PubTwoQueueSub test/bench_test.go:390
// Go: Benchmark____PubFourQueueSub test/bench_test.go:423
// Go: Benchmark___PubEightQueueSub test/bench_test.go:458
func BenchmarkOneConnection(b *testing.B) {
	for _, c := range []struct {
		name, text, user, subject, queue string
		members                          int
	}{
		{"one subscription", open, "", "foo", "", 1},
		{"denied others", locked, "denied", "foo", "", 1},
		{"denied some of the wildcard", locked, "denied", "*", "", 1},
		{"two members", open, "", "foo", "group", 2},
		{"four members", open, "", "foo", "group", 4},
		{"eight members", open, "", "foo", "group", 8},
	} {
		b.Run(c.name, func(b *testing.B) {
			both := []*kit.Wire{receiver(b, godwittest.RunConfig(b, c.text), c.user, c.subject, c.queue, c.members)}
			transfer(b, both, both, 2, 1)
		})
	}
}

// From one connection to another.
//
// Go: Benchmark_____PubSubTwoConns test/bench_test.go:231
// Go: Benchmark_PubSub512kTwoConns test/bench_test.go:497
func BenchmarkTwoConnections(b *testing.B) {
	for _, size := range []int{2, 512 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			s := godwittest.RunConfig(b, open)
			transfer(b, []*kit.Wire{load(b, s, "")}, []*kit.Wire{receiver(b, s, "", "foo", "", 1)}, size, 1)
		})
	}
}

// Into another account, and beside many imports that do not match.
//
// Go: Benchmark___PubSubAccsImport test/bench_test.go:356
// Go: Benchmark__PubServiceImports test/bench_test.go:332
func BenchmarkAcrossAccounts(b *testing.B) {
	b.Run("stream import", func(b *testing.B) {
		s := godwittest.RunConfig(b, pair("{stream: foo}", "{stream: {account: A, subject: foo}}"))
		transfer(b, []*kit.Wire{load(b, s, "a")}, []*kit.Wire{receiver(b, s, "b", "foo", "", 1)}, 2, 1)
	})
	b.Run("beside service imports", func(b *testing.B) {
		var exports, imports []string
		for i := range 12 {
			exports = append(exports, fmt.Sprintf(`{service: "api.kind%d.*.>"}`, i))
			imports = append(imports, fmt.Sprintf(`{service: {account: A, subject: "api.kind%d.*.>"}}`, i))
		}
		w := load(b, godwittest.RunConfig(b, pair(strings.Join(exports, ","), strings.Join(imports, ","))), "b")
		pub, _ := publication(2)
		b.ResetTimer()
		pump(b, w, pub, b.N)
		w.Send("PING")
		w.Expect("PONG")
	})
}

// One publisher, several connections with several subscriptions each.
//
// Go: Benchmark______FanOut_8x1x10 test/bench_test.go:920
// Go: Benchmark_____FanOut_8x1x100 test/bench_test.go:924
// Go: Benchmark____FanOut_8x10x100 test/bench_test.go:928
// Go: Benchmark___FanOut_8x10x1000 test/bench_test.go:932
// Go: Benchmark___FanOut_8x100x100 test/bench_test.go:936
// Go: Benchmark__FanOut_8x100x1000 test/bench_test.go:940
// Go: Benchmark__FanOut_8x10x10000 test/bench_test.go:944
// Go: Benchmark___FanOut_8x500x100 test/bench_test.go:948
// Go: Benchmark___FanOut_128x1x100 test/bench_test.go:952
// Go: Benchmark__FanOut_128x10x100 test/bench_test.go:956
// Go: Benchmark_FanOut_128x10x1000 test/bench_test.go:960
// Go: Benchmark_FanOut_128x100x100 test/bench_test.go:964
// Go: BenchmarkFanOut_128x100x1000 test/bench_test.go:968
// Go: BenchmarkFanOut_128x10x10000 test/bench_test.go:972
// Go: BenchmarkFanOut__128x500x100 test/bench_test.go:976
// Go: Benchmark_FanOut_512x100x100 test/bench_test.go:980
// Go: Benchmark__FanOut_512x100x1k test/bench_test.go:984
// Go: Benchmark____FanOut_1kx10x1k test/bench_test.go:988
// Go: Benchmark__FanOut_1kx100x100 test/bench_test.go:992
func BenchmarkFanOut(b *testing.B) {
	for _, c := range []struct{ size, connections, subscriptions int }{
		{8, 1, 10}, {8, 1, 100}, {8, 10, 100}, {8, 10, 1000}, {8, 100, 100}, {8, 100, 1000}, {8, 10, 10000}, {8, 500, 100},
		{128, 1, 100}, {128, 10, 100}, {128, 10, 1000}, {128, 100, 100}, {128, 100, 1000}, {128, 10, 10000}, {128, 500, 100},
		{512, 100, 100}, {512, 100, 1000}, {1024, 10, 1000}, {1024, 100, 100},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d", c.size, c.connections, c.subscriptions), func(b *testing.B) {
			s := godwittest.RunConfig(b, open)
			var receivers []*kit.Wire
			for range c.connections {
				receivers = append(receivers, receiver(b, s, "", "foo", "", c.subscriptions))
			}
			fanOut(b, load(b, s, ""), receivers, c.size, c.subscriptions)
		})
	}
}

// fanOut is transfer with sids that may differ in length.
func fanOut(b *testing.B, sender *kit.Wire, receivers []*kit.Wire, size, subscriptions int) {
	b.Helper()
	pub, msg := publication(size)
	round := int64(0) // bytes of one publication for one receiver
	for i := range subscriptions {
		round += int64(len(msg) - len("1000") + len(strconv.Itoa(1000+i)))
	}
	b.SetBytes(int64(len(pub)) + round*int64(len(receivers)))
	b.ResetTimer()
	var work sync.WaitGroup
	for _, w := range receivers {
		work.Go(func() { drain(b, w, round*int64(b.N)) })
	}
	pump(b, sender, pub, b.N)
	work.Wait()
	b.StopTimer()
}

// Many publishers and one receiver, with ever larger messages; and ever more
// publishers for three receivers.
//
// Go: Benchmark_____FanIn_1kx100x1 test/bench_test.go:1131
// Go: Benchmark_____FanIn_4kx100x1 test/bench_test.go:1135
// Go: Benchmark_____FanIn_8kx100x1 test/bench_test.go:1139
// Go: Benchmark____FanIn_16kx100x1 test/bench_test.go:1143
// Go: Benchmark____FanIn_64kx100x1 test/bench_test.go:1147
// Go: Benchmark___FanIn_128kx100x1 test/bench_test.go:1151
// Go: Benchmark___BumpPubCount_1x3 test/bench_test.go:1155
// Go: Benchmark___BumpPubCount_2x3 test/bench_test.go:1159
// Go: Benchmark___BumpPubCount_5x3 test/bench_test.go:1163
// Go: Benchmark__BumpPubCount_10x3 test/bench_test.go:1167
func BenchmarkFanIn(b *testing.B) {
	for _, c := range []struct{ size, publishers, receivers int }{
		{1 << 10, 100, 1}, {4 << 10, 100, 1}, {8 << 10, 100, 1}, {16 << 10, 100, 1}, {64 << 10, 100, 1}, {128 << 10, 100, 1},
		{128, 1, 3}, {128, 2, 3}, {128, 5, 3}, {128, 10, 3},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d", c.size, c.publishers, c.receivers), func(b *testing.B) {
			s := godwittest.RunConfig(b, open)
			var senders, receivers []*kit.Wire
			for range c.publishers {
				senders = append(senders, load(b, s, ""))
			}
			for range c.receivers {
				receivers = append(receivers, receiver(b, s, "", "foo", "", 1))
			}
			transfer(b, senders, receivers, c.size, 1)
		})
	}
}

// Requests of real clients, one after the other, that get their own data back.
//
// Go: BenchmarkCoreRequestReply server/core_benchmarks_test.go:32
func BenchmarkRequests(b *testing.B) {
	for _, size := range []int{1 << 10, 4 << 10, 40 << 10, 400 << 10} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			s := godwittest.RunConfig(b, open)
			echo := kit.Connect(b, s, "")
			kit.Must[*nats.Subscription](b)(echo.Subscribe("echo", func(m *nats.Msg) {
				if err := m.Respond(m.Data); err != nil {
					b.Error(err)
				}
			}))
			kit.Flush(b, echo)
			nc := kit.Connect(b, s, "")
			data := make([]byte, size)
			random := rand.New(rand.NewPCG(1, 2))
			b.SetBytes(int64(size))
			for b.Loop() {
				data[random.IntN(size)]++
				if m, err := nc.Request("echo", data, kit.Patience); err != nil || len(m.Data) != size {
					b.Fatalf("%v", err)
				}
			}
		})
	}
}

// A publisher and several receivers, all of them real clients, without and with TLS
// under keys of several kinds.
//
// Go: BenchmarkCoreFanOut server/core_benchmarks_test.go:260
// Go: BenchmarkCoreTLSFanOut server/core_benchmarks_test.go:101
func BenchmarkClientsFanOut(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 10 << 10, 512 << 10} {
		for _, n := range []int{3, 5, 10} {
			b.Run(fmt.Sprintf("%dx%d", size, n), func(b *testing.B) { clientsFanOut(b, godwittest.RunConfig(b, open), size, n) })
		}
	}
	keys := map[string]func() (crypto.Signer, error){
		"ed25519":  func() (crypto.Signer, error) { _, key, err := ed25519.GenerateKey(nil); return key, err },
		"rsa-1024": func() (crypto.Signer, error) { return rsa.GenerateKey(nil, 1024) },
		"rsa-2048": func() (crypto.Signer, error) { return rsa.GenerateKey(nil, 2048) },
		"rsa-4096": func() (crypto.Signer, error) { return rsa.GenerateKey(nil, 4096) },
	}
	for _, kind := range []string{"ed25519", "rsa-1024", "rsa-2048", "rsa-4096"} {
		b.Run("tls "+kind, func(b *testing.B) {
			ca := kit.NewAuthority(b)
			s := godwittest.RunConfig(b, tlsBlock(ca.IssueFor(kit.Must[crypto.Signer](b)(keys[kind]()), pkix.Name{CommonName: "server"}, "127.0.0.1"), ""))
			clientsFanOut(b, s, 512<<10, 5, nats.Secure(ca.TLS()))
		})
	}
}

func clientsFanOut(b *testing.B, s *godwit.Server, size, receivers int, options ...nats.Option) {
	b.Helper()
	var all sync.WaitGroup
	for range receivers {
		nc := kit.Connect(b, s, "", options...)
		left := b.N
		all.Add(1)
		sub := kit.Must[*nats.Subscription](b)(nc.Subscribe("foo", func(*nats.Msg) {
			if left--; left == 0 {
				all.Done()
			}
		}))
		kit.OK(b, sub.SetPendingLimits(-1, -1))
		kit.Flush(b, nc)
	}
	nc, data := kit.Connect(b, s, "", options...), make([]byte, size)
	b.SetBytes(int64(size))
	b.ResetTimer()
	for range b.N {
		kit.OK(b, nc.Publish("foo", data))
	}
	kit.Flush(b, nc)
	all.Wait()
	b.StopTimer()
}

// Several publishers with subjects of their own and one receiver, all of them real
// clients.
//
// Go: BenchmarkCoreFanIn server/core_benchmarks_test.go:397
func BenchmarkClientsFanIn(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 10 << 10, 512 << 10} {
		for _, n := range []int{3, 5, 10} {
			b.Run(fmt.Sprintf("%dx%d", size, n), func(b *testing.B) {
				s := godwittest.RunConfig(b, open)
				receiver, left, done := kit.Connect(b, s, ""), b.N*n, make(chan struct{})
				sub := kit.Must[*nats.Subscription](b)(receiver.Subscribe("foo.*", func(*nats.Msg) {
					if left--; left == 0 {
						close(done)
					}
				}))
				kit.OK(b, sub.SetPendingLimits(-1, -1))
				kit.Flush(b, receiver)
				var senders []*nats.Conn
				for range n {
					senders = append(senders, kit.Connect(b, s, ""))
				}
				b.SetBytes(int64(size))
				b.ResetTimer()
				var work sync.WaitGroup
				for i, nc := range senders {
					work.Go(func() {
						data := make([]byte, size)
						for range b.N {
							if err := nc.Publish("foo."+strconv.Itoa(i), data); err != nil {
								b.Error(err)
							}
						}
						if err := nc.FlushTimeout(kit.Patience); err != nil {
							b.Error(err)
						}
					})
				}
				work.Wait()
				<-done
				b.StopTimer()
			})
		}
	}
}
