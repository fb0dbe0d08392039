//go:build !unix

package main

import (
	"errors"
	"os"

	"github.com/godwit-mq/godwit"
)

// handled are the signals that the server reacts to.
var handled = []os.Signal{os.Interrupt}

func react(s *godwit.Server, _ os.Signal, _ chan<- struct{}) { go s.Shutdown() }

// sendSignal is about Unix signals.
func sendSignal(string, string) error {
	return errors.New("-signal is not supported on this operating system")
}
