package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/load"
	"github.com/godwit-mq/godwit/bench/internal/target"
)

// once runs one scenario against a fresh process of one server.
func (c *comparison) once(ctx context.Context, scenario load.Scenario, binary target.Binary) (*load.Result, error) {
	server, err := c.lab.Start(ctx, binary, scenario.Config, c.monitor)
	if err != nil {
		return nil, err
	}
	result, err := c.drive(ctx, scenario, server)
	if err != nil {
		err = fmt.Errorf("%w%s", err, server.Log())
	}
	if err := errors.Join(err, server.Stop()); err != nil {
		return nil, err
	}
	return result, nil
}

// drive runs the load generator in a process of its own and decodes its line.
func (c *comparison) drive(ctx context.Context, scenario load.Scenario, server *target.Server) (*load.Result, error) {
	arguments := []string{"-scenario", scenario.Name, "-address", server.Address, "-pid", strconv.Itoa(server.PID), "-started", server.Started.String(),
		"-monitor", server.Monitor}
	if scenario.Config == load.ConfigAccounts {
		arguments = append(arguments, "-configuration", server.Config)
	}
	if scenario.Config == load.ConfigTLS {
		arguments = append(arguments, "-ca", c.lab.Certificate())
	}
	limit := c.settings.Longest()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not done within %v", limit))
	defer cancel()
	command := exec.CommandContext(ctx, c.generator, append(arguments, c.settings.Arguments()...)...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if text := strings.TrimSpace(stderr.String()); text != "" {
			return nil, errors.New(text)
		}
		return nil, fmt.Errorf("load generator: %w", err)
	}
	var result load.Result
	if err := json.Unmarshal(stdout.Bytes(), &result); err != nil {
		return nil, fmt.Errorf("read the load generator's result: %w", err)
	}
	return &result, nil
}

// facts describe what the numbers depend on.
func (c *comparison) facts(now time.Time) []string {
	facts := []string{
		now.UTC().Format("2006-01-02 15:04 UTC"),
		fmt.Sprintf("machine: %s, %d CPUs, Linux %s, load average before the first run %s",
			processor(), runtime.NumCPU(), firstField("/proc/sys/kernel/osrelease"), firstField("/proc/loadavg")),
		fmt.Sprintf("%d interleaved rounds of %v after %v of warm-up", c.rounds, c.settings.Duration, c.settings.Warmup),
	}
	for _, b := range []target.Binary{c.a, c.b} {
		version := b.Version
		if version == "" {
			version = "version unknown"
		}
		facts = append(facts, b.Name+": "+version)
	}
	return facts
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func firstField(file string) string {
	text, err := os.ReadFile(file)
	if fields := strings.Fields(string(text)); err == nil && len(fields) > 0 {
		return fields[0]
	}
	return "unknown"
}
