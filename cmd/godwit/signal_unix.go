//go:build unix

package main

import (
	"fmt"
	"os"
	"syscall"

	"github.com/godwit-mq/godwit"
)

// handled are the signals that the server reacts to.
var handled = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}

// react carries a signal out without waiting for its end. A token in reload makes
// the server read its configuration anew.
func react(s *godwit.Server, sig os.Signal, reload chan<- struct{}) {
	log := s.Logger()
	log.Noticef("Trapped %q signal", sig)
	switch sig {
	case syscall.SIGTERM:
		if s.LameDuck() {
			log.Noticef("Trapped %q signal, ignored in lame duck mode", sig)
			return
		}
		go s.Shutdown()
	case syscall.SIGINT:
		go s.Shutdown()
	case syscall.SIGUSR1:
		if err := s.ReOpenLogFile(); err != nil {
			log.Warnf("%v", err)
		}
	case syscall.SIGUSR2:
		go s.LameDuckShutdown()
	case syscall.SIGHUP:
		select {
		case reload <- struct{}{}:
		default: // the one that is to begin will see what this one would
		}
	}
}

// numbers are the signals behind the words of -signal.
var numbers = map[string]syscall.Signal{
	"stop": syscall.SIGKILL, "quit": syscall.SIGINT, "term": syscall.SIGTERM,
	"reopen": syscall.SIGUSR1, "reload": syscall.SIGHUP, "ldm": syscall.SIGUSR2,
}

// sendSignal signals the running server that spec names: "word" or "word=pid".
func sendSignal(name, spec string) error {
	word, pids, err := targets(name, spec)
	if err != nil {
		return err
	}
	number, ok := numbers[word]
	if !ok {
		return fmt.Errorf("unknown signal %q", word)
	}
	failed := ""
	for _, pid := range pids {
		if err := syscall.Kill(pid, number); err != nil {
			failed += fmt.Sprintf("\nsignal %q %d: %v", word, pid, err)
		}
	}
	if failed != "" {
		return fmt.Errorf("%s", failed[1:])
	}
	return nil
}
