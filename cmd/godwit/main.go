package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/godwit-mq/godwit"
	"github.com/godwit-mq/godwit/internal/options"
)

func main() { os.Exit(run(hideSecrets(os.Args[1:]), os.Stdout, os.Stderr)) }

// run is main without the process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	fail := func(err error) int {
		for _, line := range strings.Split(err.Error(), "\n") {
			fmt.Fprintf(stderr, "%s: %s\n", name, line)
		}
		return 1
	}
	if len(args) > 0 && commands[args[0]] != nil {
		return commands[args[0]](name, args[1:], stdout, stderr)
	}
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	o, err := options.ConfigureOptions(fs, args,
		func() {
			fmt.Fprintf(stdout, "%s: v%s (compatible with v%s)\n", name, godwit.Version, godwit.CompatVersion)
		},
		func() { fmt.Fprint(stdout, options.Usage, commandUsage) },
		func() { printTLSHelp(stdout) })
	var usage *options.UsageError
	switch {
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "%v\n\n%s", err, options.Usage)
		return 2
	case err != nil:
		return fail(err)
	case o == nil:
		return 0
	case o.Signal != "":
		if err := sendSignal(name, o.Signal); err != nil {
			return fail(err)
		}
		return 0
	}
	s, err := godwit.NewServer(o)
	if err != nil {
		return fail(err)
	}
	if o.CheckConfig {
		if len(o.ConfigWarnings) > 0 {
			return fail(errors.Join(o.ConfigWarnings...))
		}
		fmt.Fprintf(stderr, "%s: configuration file %s is valid (%s)\n", name, o.ConfigFile, o.ConfigDigest)
		return 0
	}
	return serve(s, fail)
}

// serve runs the server until a signal ends it.
func serve(s *godwit.Server, fail func(error) int) int {
	if err := s.ConfigureLogger(); err != nil {
		return fail(err)
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, handled...)
	defer signal.Stop(signals)
	if err := s.Start(); err != nil {
		return 1
	}
	debug.FreeOSMemory() // what reading a large configuration took
	stopped := make(chan struct{})
	go func() { s.WaitForShutdown(); close(stopped) }()
	reload := make(chan struct{}, 1) // holds a token from when a reload is wanted until it begins
	go reloadWhenWanted(s, reload, stopped)
	for {
		select {
		case sig := <-signals:
			react(s, sig, reload)
		case <-stopped:
			return 0
		}
	}
}

// reloadWhenWanted carries out one reload after the other: they may take long, so
// nothing else waits for them, and the last one must be the one that read the file
// last.
func reloadWhenWanted(s *godwit.Server, wanted, stopped <-chan struct{}) {
	for {
		select {
		case <-wanted:
			s.Reload() // an error is in the log
		case <-stopped:
			return
		}
	}
}

func printTLSHelp(w io.Writer) {
	fmt.Fprintln(w, "TLS settings are made in the tls block of a configuration file.")
	fmt.Fprintln(w, "\nCipher suites:")
	for _, name := range options.CipherSuiteNames() {
		fmt.Fprintln(w, "  ", name)
	}
	fmt.Fprintln(w, "\nCurves:")
	for _, name := range options.CurveNames() {
		fmt.Fprintln(w, "  ", name)
	}
}
