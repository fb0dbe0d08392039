package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/godwit-mq/godwit/bench/internal/load"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string) error {
	var target load.Target
	settings := load.DefaultSettings()
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	name := flags.String("scenario", "", "`name` of the scenario")
	authority := flags.String("ca", "", "`file` with the certificate to trust; connect with TLS")
	flags.StringVar(&target.Address, "address", "127.0.0.1:4222", "`host:port` of the server")
	flags.IntVar(&target.PID, "pid", 0, "process `id` of the server")
	flags.DurationVar(&target.Started, "started", 0, "`time` that the server took to start")
	flags.StringVar(&target.Monitor, "monitor", "", "base `URL` of the server's monitoring endpoint")
	configuration := flags.String("configuration", "", "`file` that the server reads, for scenarios that change it")
	settings.Flags(flags)
	flags.Parse(arguments)
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if target.PID <= 0 {
		return fmt.Errorf("-pid is needed to read the server's CPU time and memory")
	}
	scenario, err := load.Find(*name)
	if err != nil {
		return err
	}
	if target.TLS, err = clientTLS(*authority); err != nil {
		return err
	}
	if *configuration != "" {
		if target.Reload, err = load.ReloadByHangup(*configuration, target.PID, target.Address); err != nil {
			return err
		}
	}
	// The hot loops do not allocate; what set-up leaves behind is not worth collecting while a server is measured.
	debug.SetGCPercent(800)
	result, err := load.Run(ctx, scenario, target, settings)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

// clientTLS returns the TLS configuration that trusts the certificate in the file, or nil without a file.
func clientTLS(file string) (*tls.Config, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("no certificate in %s", file)
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS13}, nil
}
