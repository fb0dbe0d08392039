package client

import "fmt"

// String is the connection's name in logs.
func (c *Client) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.name
}

func (c *Client) noticef(format string, args ...any) {
	c.server.Log().Noticef("%s - %s", c, fmt.Sprintf(format, args...))
}

func (c *Client) warnf(format string, args ...any) {
	c.server.Log().Warnf("%s - %s", c, fmt.Sprintf(format, args...))
}

func (c *Client) errorf(format string, args ...any) {
	c.server.Log().Errorf("%s - %s", c, fmt.Sprintf(format, args...))
}

func (c *Client) debugf(format string, args ...any) {
	if c.config().Debug {
		c.server.Log().Debugf("%s - %s", c, fmt.Sprintf(format, args...))
	}
}

func (c *Client) tracef(format string, args ...any) {
	c.server.Log().Tracef("%s - %s", c, fmt.Sprintf(format, args...))
}
