//go:build windows || plan9

package logging

var localSyslogSockets []string

func dialLocalSyslog([]string, string) (syslogSink, error) {
	return nil, ErrSyslogNotSupported
}

func dialSyslog(string, string, string) (syslogSink, error) {
	return nil, ErrSyslogNotSupported
}
