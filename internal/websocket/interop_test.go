package websocket

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// echoServer speaks as much of the NATS protocol as a client needs that talks to
// itself.
type echoServer struct {
	conn *Conn
	in   *bufio.Reader
	sid  string
	end  error
}

func (s *echoServer) run() {
	defer s.conn.Close()
	io.WriteString(s.conn, `INFO {"server_id":"x","version":"2.10.0","proto":1,"headers":true,"max_payload":1048576} `+"\r\n")
	for s.end == nil {
		s.end = s.verb()
	}
}

func (s *echoServer) verb() error {
	line, err := s.in.ReadString('\n')
	if err != nil {
		return err
	}
	fields := strings.Fields(line)
	switch fields[0] {
	case "PING":
		_, err = io.WriteString(s.conn, "PONG\r\n")
	case "SUB":
		s.sid = fields[len(fields)-1]
	case "PUB":
		var size int
		fmt.Sscan(fields[len(fields)-1], &size)
		payload := make([]byte, size+2)
		if _, err := io.ReadFull(s.in, payload); err != nil {
			return err
		}
		head := fmt.Sprintf("MSG %s %s %d\r\n", fields[1], s.sid, size)
		_, err = s.conn.WriteBuffers([][]byte{[]byte(head), payload})
	}
	return err
}

// A real client gets everything back that it publishes, up to the largest payload,
// plain and compressed, and ends in order.
func TestNATSClient(t *testing.T) {
	for _, deflate := range []bool{false, true} {
		t.Run(fmt.Sprint("compression ", deflate), func(t *testing.T) {
			s := serve(t, Options{Compression: true}, nil)
			echo := new(echoServer)
			var running sync.WaitGroup
			running.Go(func() {
				echo.conn = within(t, s.conns)
				echo.in = bufio.NewReaderSize(echo.conn, 32<<10)
				echo.run()
			})
			client, err := nats.Connect("ws://"+s.address, nats.Compression(deflate), nats.ProxyPath("any/path"), nats.NoReconnect())
			if err != nil {
				t.Fatal(err)
			}
			subscription, err := client.SubscribeSync("foo")
			if err != nil {
				t.Fatal(err)
			}
			for _, payload := range [][]byte{nil, []byte("x"), letters(64), letters(1000), noise(70_000), make([]byte, 1<<20), noise(1 << 20)} {
				if err := client.Publish("foo", payload); err != nil {
					t.Fatal(err)
				}
				message, err := subscription.NextMsg(30 * time.Second)
				if err != nil || !bytes.Equal(message.Data, payload) {
					t.Fatalf("%d bytes: %v", len(payload), err)
				}
			}
			client.Close()
			running.Wait()
			if code, _, received := echo.conn.PeerClose(); !received || code != StatusNormal || echo.end != io.EOF {
				t.Errorf("closed with %d, %v, %v", code, received, echo.end)
			}
			if echo.conn.Compressed() != deflate {
				t.Errorf("compressed: %v", echo.conn.Compressed())
			}
		})
	}
}
