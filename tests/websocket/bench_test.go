package websocket_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit/internal/websocket"
	"github.com/godwit-mq/godwit/tests/kit"
)

// across runs a benchmark for numbers of connections, sizes of payloads, and with
// and without compression.
func across(b *testing.B, bench func(b *testing.B, s *site, peers []*peer, payload []byte)) {
	for _, conns := range []int{1, 5} {
		for _, deflate := range []bool{false, true} {
			for _, size := range []int{0, 128, 1024, 4096, 8192, 32768} {
				payload := noise(size)
				if deflate {
					payload = letters(size)
				}
				b.Run(fmt.Sprintf("conns=%d/compression=%v/size=%d", conns, deflate, size), func(b *testing.B) {
					s := run(b, web(fmt.Sprint("compression: ", deflate))+"max_pending: 1GB\n")
					peers := make([]*peer, conns)
					for i := range peers {
						peers[i] = s.peer(asks{deflate: deflate})
						peers[i].conn.SetDeadline(time.Time{}) // of the test as a whole
					}
					b.SetBytes(int64(size * conns))
					b.ReportAllocs()
					bench(b, s, peers, payload)
				})
			}
		}
	}
}

// framed is a message as it is sent.
func (p *peer) framed(data []byte) []byte {
	h := websocket.Header{Opcode: websocket.Binary, Final: true}
	if p.compress {
		h.Compressed, data = true, p.codec.deflate(data)
	}
	return masked(h, data)
}

// repeat sends frames several times each, and waits until they have been processed.
func (p *peer) repeat(whole []byte, wholes int, single []byte, singles int) error {
	for i := range wholes + singles {
		frame := whole
		if i >= wholes {
			frame = single
		}
		if _, err := p.conn.Write(frame); err != nil {
			return err
		}
	}
	if _, err := p.conn.Write(p.framed([]byte("PING\r\n"))); err != nil {
		return err
	}
	if line, err := p.line(); err != nil || line != "PONG" {
		return fmt.Errorf("got %q, %w", line, err)
	}
	return nil
}

// Each connection publishes b.N messages, in frames of some 32 KiB, as clients do
// that gather what they send.
//
// Go: Benchmark_WS_Pubx1_CN_32768b server/websocket_test.go:5130
// Go: Benchmark_WS_Pubx1_CN__1024b server/websocket_test.go:5100
// Go: Benchmark_WS_Pubx1_CN__4096b server/websocket_test.go:5110
// Go: Benchmark_WS_Pubx1_CN__8192b server/websocket_test.go:5120
// Go: Benchmark_WS_Pubx1_CN___128b server/websocket_test.go:5090
// Go: Benchmark_WS_Pubx1_CN_____0b server/websocket_test.go:5082
// Go: Benchmark_WS_Pubx1_CY_32768b server/websocket_test.go:5135
// Go: Benchmark_WS_Pubx1_CY__1024b server/websocket_test.go:5105
// Go: Benchmark_WS_Pubx1_CY__4096b server/websocket_test.go:5115
// Go: Benchmark_WS_Pubx1_CY__8192b server/websocket_test.go:5125
// Go: Benchmark_WS_Pubx1_CY___128b server/websocket_test.go:5095
// Go: Benchmark_WS_Pubx1_CY_____0b server/websocket_test.go:5086
// Go: Benchmark_WS_Pubx5_CN_32768b server/websocket_test.go:5188
// Go: Benchmark_WS_Pubx5_CN__1024b server/websocket_test.go:5158
// Go: Benchmark_WS_Pubx5_CN__4096b server/websocket_test.go:5168
// Go: Benchmark_WS_Pubx5_CN__8192b server/websocket_test.go:5178
// Go: Benchmark_WS_Pubx5_CN___128b server/websocket_test.go:5148
// Go: Benchmark_WS_Pubx5_CN_____0b server/websocket_test.go:5140
// Go: Benchmark_WS_Pubx5_CY_32768b server/websocket_test.go:5193
// Go: Benchmark_WS_Pubx5_CY__1024b server/websocket_test.go:5163
// Go: Benchmark_WS_Pubx5_CY__4096b server/websocket_test.go:5173
// Go: Benchmark_WS_Pubx5_CY__8192b server/websocket_test.go:5183
// Go: Benchmark_WS_Pubx5_CY___128b server/websocket_test.go:5153
// Go: Benchmark_WS_Pubx5_CY_____0b server/websocket_test.go:5144
func BenchmarkPublish(b *testing.B) {
	const frameBytes = 32 << 10
	across(b, func(b *testing.B, s *site, peers []*peer, payload []byte) {
		one := fmt.Appendf(nil, "PUB a %d\r\n%s\r\n", len(payload), payload)
		batch := max(1, min(b.N, frameBytes/len(one)))
		whole, single := peers[0].framed(bytes.Repeat(one, batch)), peers[0].framed(one)
		b.ResetTimer()
		var publishing sync.WaitGroup
		for _, p := range peers {
			publishing.Go(func() {
				if err := p.repeat(whole, b.N/batch, single, b.N%batch); err != nil {
					b.Error(err)
				}
			})
		}
		publishing.Wait()
	})
}

// Each connection receives b.N messages that a client over TCP publishes.
//
// Go: Benchmark_WS_Subx1_CN_32768b server/websocket_test.go:5291
// Go: Benchmark_WS_Subx1_CN__1024b server/websocket_test.go:5261
// Go: Benchmark_WS_Subx1_CN__4096b server/websocket_test.go:5271
// Go: Benchmark_WS_Subx1_CN__8192b server/websocket_test.go:5281
// Go: Benchmark_WS_Subx1_CN___128b server/websocket_test.go:5251
// Go: Benchmark_WS_Subx1_CN_____0b server/websocket_test.go:5243
// Go: Benchmark_WS_Subx1_CY_32768b server/websocket_test.go:5296
// Go: Benchmark_WS_Subx1_CY__1024b server/websocket_test.go:5266
// Go: Benchmark_WS_Subx1_CY__4096b server/websocket_test.go:5276
// Go: Benchmark_WS_Subx1_CY__8192b server/websocket_test.go:5286
// Go: Benchmark_WS_Subx1_CY___128b server/websocket_test.go:5256
// Go: Benchmark_WS_Subx1_CY_____0b server/websocket_test.go:5247
// Go: Benchmark_WS_Subx5_CN_32768b server/websocket_test.go:5377
// Go: Benchmark_WS_Subx5_CN__1024b server/websocket_test.go:5319
// Go: Benchmark_WS_Subx5_CN__4096b server/websocket_test.go:5329
// Go: Benchmark_WS_Subx5_CN__8192b server/websocket_test.go:5367
// Go: Benchmark_WS_Subx5_CN___128b server/websocket_test.go:5309
// Go: Benchmark_WS_Subx5_CN_____0b server/websocket_test.go:5301
// Go: Benchmark_WS_Subx5_CY_32768b server/websocket_test.go:5382
// Go: Benchmark_WS_Subx5_CY__1024b server/websocket_test.go:5324
// Go: Benchmark_WS_Subx5_CY__4096b server/websocket_test.go:5334
// Go: Benchmark_WS_Subx5_CY__8192b server/websocket_test.go:5372
// Go: Benchmark_WS_Subx5_CY___128b server/websocket_test.go:5314
// Go: Benchmark_WS_Subx5_CY_____0b server/websocket_test.go:5305
func BenchmarkSubscribe(b *testing.B) {
	across(b, func(b *testing.B, s *site, peers []*peer, payload []byte) {
		for _, p := range peers {
			p.send("SUB a 1\r\n")
			p.sync()
		}
		nc := s.overTCP(nats.NoEcho())
		want := len(fmt.Appendf(nil, "MSG a 1 %d\r\n%s\r\n", len(payload), payload)) * b.N
		b.ResetTimer()
		var receiving sync.WaitGroup
		for _, p := range peers {
			receiving.Go(func() {
				for got := 0; got < want; {
					m, err := p.message()
					if err != nil {
						b.Error(err)
						return
					}
					got += len(m)
				}
			})
		}
		for range b.N {
			publish(b, nc, "a", payload)
		}
		kit.Flush(b, nc)
		receiving.Wait()
	})
}
