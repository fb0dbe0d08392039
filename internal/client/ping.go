package client

import (
	"bytes"
	"math/rand/v2"
	"time"
)

const (
	// firstPing is when, at the latest, a client is pinged after CONNECT.
	firstPing = 2 * time.Second
	// freshRTT is for how long a measured round trip is taken for true.
	freshRTT = time.Hour
)

// ping answers PING.
func (c *Client) ping() {
	c.applyChanges()
	if c.trace {
		c.traceOut("PONG")
	}
	c.pub.Answer("PONG\r\n")
	c.mu.Lock()
	first := c.connected && !c.ready
	async := c.connect.Protocol >= 1
	c.mu.Unlock()
	if first {
		c.welcome(async)
	}
}

// welcome ends the greeting, with the first PING after CONNECT: an INFO tells what
// the connection has become, if the client understands it at any time. Clients take
// the first line after CONNECT and PING for the PONG, so whatever others have to say
// waits for that; what they could not say meanwhile is said here.
func (c *Client) welcome(async bool) {
	var told []byte
	if async {
		told = c.server.Info(c, true)
		c.pub.Answer(string(told))
	}
	c.flush()
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	if !async {
		return
	}
	if now := c.server.Info(c, true); !bytes.Equal(now, told) {
		c.conn.Out.Write(now)
	}
}

// pong takes an answer to a PING.
func (c *Client) pong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pingsOut = 0
	if !c.rttStart.IsZero() {
		c.rtt = time.Since(c.rttStart)
		c.rttStamp, c.rttStart = time.Now(), time.Time{}
	}
}

// startTimers begins to watch over a connection that has been greeted.
func (c *Client) startTimers() {
	s := c.settings
	if s.AuthRequired {
		timer := time.AfterFunc(s.AuthTimeout, c.authTimeout)
		c.mu.Lock()
		c.authTimer = timer
		c.mu.Unlock()
	}
	c.startPing(false)
}

func (c *Client) authTimeout() {
	c.server.LogLimited(c, "Authentication Timeout")
	c.CloseWith(AuthenticationTimeout, "Authentication Timeout")
}

// stopAuthTimer ends the wait for CONNECT.
func (c *Client) stopAuthTimer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.authTimer != nil {
		c.authTimer.Stop()
		c.authTimer = nil
	}
}

func (c *Client) stopTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range []*time.Timer{c.authTimer, c.pingTimer} {
		if t != nil {
			t.Stop()
		}
	}
}

// startPing sets the timer for the next PING. The first after CONNECT comes
// early, spread a little, to measure the round trip.
func (c *Client) startPing(first bool) {
	s := c.config()
	d := s.PingInterval
	if first && s.ShortFirstPing {
		d = min(d, firstPing)
		d += time.Duration(rand.Int64N(int64(d)/5 + 1))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != Open {
		return
	}
	if c.pingTimer == nil {
		c.pingTimer = time.AfterFunc(d, c.pingDue)
		return
	}
	c.pingTimer.Reset(d)
}

// pingDue runs on the timer's goroutine.
func (c *Client) pingDue() {
	s := c.config()
	c.debugf("Client Ping Timer")
	c.mu.Lock()
	if c.reason != Open {
		c.mu.Unlock()
		return
	}
	idle := time.Since(time.Unix(0, c.lastRead.Load()))
	measured := time.Since(c.rttStamp) < freshRTT
	if measured && idle < s.PingInterval {
		c.mu.Unlock()
		c.debugf("Delaying PING due to remote client data or ping %v ago", idle.Round(time.Second))
	} else if c.pingsOut >= s.MaxPingsOut {
		c.mu.Unlock()
		c.debugf("Stale Client Connection - Closing")
		c.server.StaleConnection(c)
		c.CloseWith(StaleConnection, "Stale Connection")
		return
	} else {
		c.sendPing()
		c.mu.Unlock()
	}
	c.startPing(false)
}

// sendPing asks for a PONG. Called with mu held.
func (c *Client) sendPing() {
	c.pingsOut++
	c.rttStart = time.Now()
	// Writing may have to close the connection, which takes mu.
	go func() {
		c.traceOut("PING")
		c.conn.Out.Write([]byte("PING\r\n"))
	}()
}

// MeasureRTT pings a client whose round trip is not known, if that cannot
// confuse it: clients read the first answer to CONNECT and PING as PONG.
func (c *Client) MeasureRTT() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rttStamp.IsZero() && c.rttStart.IsZero() && c.reason == Open && c.connect.Lang != "" &&
		(c.ready || time.Since(c.Start) > firstPing) {
		c.sendPing()
	}
}

// Tell sends an INFO to a client that understands it at any time and has
// passed its first PING.
func (c *Client) Tell(info []byte) (told bool) {
	c.mu.Lock()
	ready := c.ready && c.connect.Protocol >= 1 && c.reason == Open
	c.mu.Unlock()
	if ready {
		c.conn.Out.Write(info)
	}
	return ready
}
