package godwittest_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/godwittest"
)

func TestRun(t *testing.T) {
	var stopped *godwit.Server
	t.Run("a test with a server", func(t *testing.T) {
		stopped = godwittest.Run(t, &godwit.Options{Debug: true})
		nc, err := nats.Connect(stopped.ClientURL())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if err := nc.FlushTimeout(10 * time.Second); err != nil {
			t.Fatal(err)
		}
	})
	if stopped.Running() {
		t.Error("the server outlives the test")
	}
}

func TestRunConfig(t *testing.T) {
	s := godwittest.RunConfig(t, `authorization { token: "word" }`)
	if nc, err := nats.Connect(s.ClientURL()); err == nil {
		nc.Close()
		t.Error("connected without the token")
	}
	nc, err := nats.Connect(s.ClientURL(), nats.Token("word"))
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}
