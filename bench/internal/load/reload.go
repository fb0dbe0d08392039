package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/godwit-mq/godwit/bench/internal/count"
)

// A Reload makes a server read another configuration and returns when it acts.
type Reload func(context.Context) error

// requestWhileReloading asks and answers in one account, with one request in flight, while the server reads its
// configuration of very many users again and again. What counts is the longest wait for an answer.
func requestWhileReloading(r *run) error {
	if r.target.Reload == nil {
		return errors.New("it is not known how to make the server reload")
	}
	ctx, stop := context.WithCancel(r.ctx)
	defer stop()
	var took []time.Duration
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			begin := time.Now()
			if err := r.target.Reload(ctx); err != nil && ctx.Err() == nil {
				r.fail(fmt.Errorf("reload: %w", err))
			} else if err == nil {
				took = append(took, time.Since(begin))
			}
		}
	}()
	latencies, err := requestInTurn(r, exchange{
		requester: dialOptions{as: credentials{UserOfAccount(0, 0), UserPassword}},
		responder: dialOptions{as: credentials{UserOfAccount(0, 1), UserPassword}},
		sample:    requestSample, reply: replyPublish, marker: inboxPrefix, length: len(inboxPrefix) + 6,
	})
	stop()
	<-ended
	if err != nil {
		return err
	}
	if len(took) == 0 {
		return errors.New("no reload ended within the measured time")
	}
	var sum time.Duration
	for _, d := range took {
		sum += d
	}
	r.result.latencies(latencies)
	r.result.extra("longest wait", "ms", lower, micros(latencies[len(latencies)-1])/1e3)
	r.result.extra("a reload acts after", "ms", lower, micros(sum)/float64(len(took))/1e3)
	return nil
}

// ReloadByHangup returns a Reload for a server process with the configuration of accounts in a file: the last user is
// taken out and put in again in turn, and the server acts when it refuses the user, or accepts it.
func ReloadByHangup(file string, pid int, address string) (Reload, error) {
	whole, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	name := UserOfAccount(AccountCount-1, UsersPerAccount-1)
	less := bytes.Replace(whole, []byte(AccountUser(name)), nil, 1)
	if len(less) == len(whole) {
		return nil, fmt.Errorf("%s has no user %s", file, name)
	}
	// Prepared, so that this process does not write megabytes while the server is measured.
	with, without := file+".with", file+".without"
	if err := errors.Join(os.WriteFile(with, whole, 0o600), os.WriteFile(without, less, 0o600)); err != nil {
		return nil, err
	}
	known := true
	return func(ctx context.Context) error {
		next := without
		if !known {
			next = with
		}
		if err := errors.Join(os.Link(next, file+".next"), os.Rename(file+".next", file)); err != nil {
			return err
		}
		if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
			return err
		}
		known = !known
		return awaitUser(ctx, address, credentials{name, UserPassword}, known)
	}, nil
}

// awaitUser tries to connect until a user is accepted, or refused.
func awaitUser(ctx context.Context, address string, as credentials, wanted bool) error {
	const pause = 10 * time.Millisecond
	for {
		conn, err := (&net.Dialer{Timeout: handshakeTimeout}).DialContext(ctx, "tcp4", address)
		if err != nil {
			return err
		}
		_, _, err = handshake(conn, nil, dialOptions{as: as})
		conn.Close()
		if err != nil && !errors.Is(err, count.ErrServer) {
			return err
		}
		if accepted := err == nil; accepted == wanted {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
