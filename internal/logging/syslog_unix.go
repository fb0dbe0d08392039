//go:build !windows && !plan9

package logging

import (
	"fmt"
	"log/syslog"
	"strings"
)

// localSyslogSockets are the places where syslog daemons listen.
var localSyslogSockets = []string{"/dev/log", "/var/run/syslog", "/var/run/log"}

// dialLocalSyslog connects to the first socket that answers.
func dialLocalSyslog(sockets []string, tag string) (syslogSink, error) {
	var err error
	for _, path := range sockets {
		for _, network := range []string{"unixgram", "unix"} {
			var sink syslogSink
			if sink, err = dialSyslog(network, path, tag); err == nil {
				return sink, nil
			}
		}
	}
	return nil, fmt.Errorf("no syslog daemon at %s: %w", strings.Join(sockets, ", "), err)
}

func dialSyslog(network, address, tag string) (syslogSink, error) {
	w, err := syslog.Dial(network, address, syslog.LOG_DAEMON|syslog.LOG_NOTICE, tag)
	if err != nil {
		return nil, err
	}
	return syslogWriter{w}, nil
}

type syslogWriter struct {
	*syslog.Writer
}

// send chooses the severity. The writer connects again by itself, once, if the
// connection is broken.
func (w syslogWriter) send(level Level, text string) error {
	switch level {
	case Trace, Debug:
		return w.Debug(text)
	case Notice:
		return w.Notice(text)
	case Warn:
		return w.Warning(text)
	case Error:
		return w.Err(text)
	}
	return w.Crit(text)
}
