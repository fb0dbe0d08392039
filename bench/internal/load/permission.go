package load

import (
	"bufio"
	"fmt"
	"strings"
	"time"
)

// permissions measures 1to1-128B between users with permissions, on a server that has many of them, and before and
// after it the same between two connections of a user without permissions on the same server. It first makes sure
// that the server enforces what it is going to be measured for.
func permissions(r *run) error {
	publishAs := credentials{UserWithPermissions(UserCount / 8), UserPassword}
	subscribeAs := credentials{UserWithPermissions(UserCount / 2), UserPassword}
	for _, user := range []credentials{publishAs, subscribeAs} {
		for _, line := range []string{"PUB bench.denied.x 0\r\n\r\n", "SUB bench.denied.x 1\r\n"} {
			if err := r.expectViolation(user, line); err != nil {
				return err
			}
		}
	}

	free := credentials{UserPlain, UserPassword}
	body := payload(smallPayload)
	plain, limited := &flow{run: r}, &flow{run: r}
	if err := plain.fanOut("bench.flow.0", 1, body, free, free); err != nil {
		return err
	}
	if err := limited.fanOut("bench.flow.1", 1, body, publishAs, subscribeAs); err != nil {
		return err
	}
	// Half of the comparison runs before and half after what it is compared with, so that neither side has the warmer
	// server.
	half := r.settings.Duration / 2
	if r.settings.Warmup > 0 {
		if _, err := plain.work(r.settings.Warmup); err != nil {
			return err
		}
	}
	before, begin, end, err := r.measure(func() (int64, error) { return plain.work(half) })
	if err != nil {
		return err
	}
	elapsed, cpu := end.at.Sub(begin.at), end.server-begin.server
	if err := limited.measure(); err != nil {
		return err
	}
	after, begin, end, err := r.measure(func() (int64, error) { return plain.work(half) })
	if err != nil {
		return err
	}
	if err := plain.verify(); err != nil {
		return err
	}
	elapsed, cpu = elapsed+end.at.Sub(begin.at), cpu+end.server-begin.server
	deliveries := float64(before + after)
	r.result.extra("rate relative to no permissions", "ratio", higher, r.result.Rate/(deliveries/elapsed.Seconds()))
	r.result.extra("CPU relative to no permissions", "ratio", lower, r.result.CPUMicros/(micros(cpu)/deliveries))
	return nil
}

// expectViolation sends the line on a connection of its own and wants a permissions violation before the PONG.
func (r *run) expectViolation(user credentials, line string) error {
	conn, _, err := r.dial(dialOptions{as: user})
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(handshakeTimeout))
	if _, err := conn.Write([]byte(line + "PING\r\n")); err != nil {
		return err
	}
	lines := bufio.NewReader(conn)
	for {
		answer, err := readLine(lines)
		switch {
		case err != nil:
			return fmt.Errorf("wait for the refusal of %q: %w", line, err)
		case strings.HasPrefix(answer, "-ERR 'Permissions Violation"):
			return nil
		case answer == "PONG":
			return fmt.Errorf("user %s may %q: the server does not enforce permissions", user.user, line)
		}
	}
}
