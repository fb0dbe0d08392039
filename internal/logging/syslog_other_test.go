//go:build windows || plan9

package logging

import (
	"errors"
	"testing"
)

func TestSyslogIsRefused(t *testing.T) {
	if _, err := NewSyslog(SyslogOptions{}); !errors.Is(err, ErrSyslogNotSupported) {
		t.Errorf("local: %v", err)
	}
	if _, err := NewRemoteSyslog("udp://127.0.0.1:514", SyslogOptions{}); !errors.Is(err, ErrSyslogNotSupported) {
		t.Errorf("remote: %v", err)
	}
}
