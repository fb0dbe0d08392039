package resolver

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// webServer serves JWTs by account and counts the requests for its root.
func webServer(t testing.TB, all map[string]string) (server *httptest.Server, roots *int) {
	t.Helper()
	roots = new(int)
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, ok := strings.CutPrefix(r.URL.Path, "/jwt/v1/")
		text, found := all[key]
		switch {
		case ok && key == "":
			*roots++
		case ok && found:
			fmt.Fprint(w, text)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server, roots
}

func newURL(t testing.TB, address string, timeout time.Duration, config *tls.Config) *URL {
	t.Helper()
	r, err := NewURL(address, timeout, config)
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

func TestURLFetches(t *testing.T) {
	all := accounts(t, 2)
	server, roots := webServer(t, all)
	server.Start()
	for _, ending := range []string{"", "/"} {
		r := newURL(t, server.URL+"/jwt/v1"+ending, 0, nil)
		must(t, r.Check())
		for key, text := range all {
			got, err := r.Fetch(key)
			if must(t, err); got != text {
				t.Errorf("%q, want %q", got, text)
			}
		}
		_, err := r.Fetch(newAccount(t).public)
		wantError(t, err, "404 Not Found")
		wantError(t, err, `could not fetch <"`+server.URL+"/jwt/v1/A")
		_, err = r.Fetch("x/../y")
		wantError(t, err, ErrKey)
		if !r.IsReadOnly() || r.Kind() != KindURL {
			t.Error("not read-only")
		}
		wantError(t, r.Store(newAccount(t).public, "text"), ErrReadOnly)
	}
	if *roots != 2 {
		t.Errorf("%d requests for the root", *roots)
	}
	wantError(t, newURL(t, server.URL+"/elsewhere", 0, nil).Check(), "404 Not Found")
}

func TestURLsThatAreNone(t *testing.T) {
	for _, address := range []string{"", "host", "ftp://host", "http://", "http://[", "http:///path"} {
		if _, err := NewURL(address, 0, nil); err == nil {
			t.Errorf("%q is accepted", address)
		}
	}
	_, err := NewURL("http://host", -1, nil)
	wantError(t, err, "negative")
}

func TestURLHidesPassword(t *testing.T) {
	r := newURL(t, "http://user:secret@127.0.0.1:1", time.Second, nil)
	_, err := r.Fetch(newAccount(t).public)
	wantError(t, err, "could not fetch <")
	if strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}

func TestURLTimesOut(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	_, err := newURL(t, server.URL, 50*time.Millisecond, nil).Fetch(newAccount(t).public)
	wantError(t, err, "could not fetch <")
	wantError(t, err, "exceeded")
}

func TestCloseEndsFetch(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(release) })
	r := newURL(t, server.URL, time.Hour, nil)
	failed := make(chan error)
	key := newAccount(t).public
	go func() {
		_, err := r.Fetch(key)
		failed <- err
	}()
	<-arrived
	must(t, r.Close())
	wantError(t, <-failed, ErrShutdown)
}

func TestURLAnswerIsBounded(t *testing.T) {
	a := newAccount(t)
	server, _ := webServer(t, map[string]string{a.public: strings.Repeat("x", MaxSize+1)})
	server.Start()
	_, err := newURL(t, server.URL+"/jwt/v1", 0, nil).Fetch(a.public)
	wantError(t, err, "answer of more than 1048576 bytes")
}

func TestURLWithTLS(t *testing.T) {
	all := accounts(t, 1)
	server, _ := webServer(t, all)
	server.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	key := sorted(all)[0]
	r := newURL(t, server.URL+"/jwt/v1", 0, nil)
	_, err := r.Fetch(key)
	wantError(t, err, "certificate")
	r.SetTLS(&tls.Config{RootCAs: roots})
	got, err := r.Fetch(key)
	if must(t, err); got != all[key] {
		t.Errorf("%q", got)
	}
}

func TestMemory(t *testing.T) {
	all := accounts(t, 2)
	m := NewMemory(all)
	one, two := sorted(all)[0], sorted(all)[1]
	got, err := m.Fetch(one)
	if must(t, err); got != all[one] || m.IsReadOnly() || m.Kind() != KindMemory {
		t.Errorf("%q", got)
	}
	must(t, m.Store(one, "other"))
	got, err = m.Fetch(one)
	if must(t, err); got != "other" {
		t.Errorf("%q", got)
	}
	m.Replace(map[string]string{two: "text"})
	_, err = m.Fetch(one)
	wantError(t, err, ErrNotFound)
	m.Replace(nil)
	must(t, m.Store(one, "again"))
	wantError(t, m.Store(one, ""), ErrInvalid)
	wantError(t, m.Store(one, strings.Repeat("x", MaxSize+1)), ErrInvalid)
	wantError(t, m.Store("x", "text"), ErrKey)
	_, err = m.Fetch("x")
	wantError(t, err, ErrKey)
	must(t, m.Close())
}
