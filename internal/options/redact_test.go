package options

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Go: TestRedactArgs server/opts_test.go:4466
func TestRedactArgs(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"user", "hello", redacted}, {"pass", "hello world", redacted}, {"auth", "a=b", redacted}, {"auth", "", redacted},
		{"routes", "nats://ruser:s3cret@127.0.0.1:6222", "nats://[REDACTED]@127.0.0.1:6222"},
		{"routes", "nats://127.0.0.1:6222", "nats://127.0.0.1:6222"},
		{"routes", "nats://u:s@127.0.0.1:6222, nats://u2:s2@127.0.0.1:6223", "nats://[REDACTED]@127.0.0.1:6222,nats://[REDACTED]@127.0.0.1:6223"},
		{"routes", "nats://u:a,b@h:1,nats://h:2", "nats://[REDACTED]@h:1,nats://h:2"},
		{"cluster", "nats://cuser:s3cret@127.0.0.1:6224", "nats://[REDACTED]@127.0.0.1:6224"},
		{"cluster", "nats://127.0.0.1:6224", "nats://127.0.0.1:6224"},
		{"cluster", "nats://cuser,extra:s3cret@127.0.0.1:6224", "nats://[REDACTED]@127.0.0.1:6224"},
		{"cluster", "nats://cuser:s3cret@127.0.0.1:-1", "nats://[REDACTED]@127.0.0.1:-1"},
		{"cluster", "nats://u:p@ss@h:1", "nats://[REDACTED]@h:1"},
		{"cluster", "u:p@h:1", "[REDACTED]@h:1"},
		{"cluster_listen", "nats://luser:s3cret@127.0.0.1:6225", "nats://[REDACTED]@127.0.0.1:6225"},
		{"cluster_listen", "nats://luser,extra:s3cret@127.0.0.1:-1", "nats://[REDACTED]@127.0.0.1:-1"},
		{"p", "1", "1"},
	} {
		for _, dash := range []string{"-", "--"} {
			args := []string{dash + c.name, c.value, dash + c.name + "=" + c.value, "-p", "1", dash + c.name}
			RedactArgs(args)
			want := []string{dash + c.name, c.want, dash + c.name + "=" + c.want, "-p", "1", dash + c.name}
			if diff := cmp.Diff(want, args); diff != "" {
				t.Error(diff)
			}
		}
	}
	args := []string{"user", "x"}
	if RedactArgs(args); args[1] != "x" {
		t.Errorf("%v", args)
	}
}

// No secret is left, whatever it is made of.
func TestNoSecretIsShown(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := "S3CRET" + rapid.StringMatching(`[ -~]{0,8}`).Draw(t, "secret") + "S3CRET"
		flag := rapid.SampledFrom([]string{"user", "pass", "auth", "routes", "cluster", "cluster_listen"}).Draw(t, "flag")
		value := secret
		if slices.Contains([]string{"routes", "cluster", "cluster_listen"}, flag) {
			if strings.Contains(secret, "://") {
				t.Skip("a URL in a password cannot be told from a second URL")
			}
			value = "nats://me:" + secret + "@h:1"
		}
		args := []string{"--" + flag + "=" + value, "-" + flag, value}
		RedactArgs(args)
		if strings.Contains(strings.Join(args, " "), "S3CRET") {
			t.Errorf("%q: %q", value, args)
		}
	})
}

func TestRoutesFromStr(t *testing.T) {
	var got []string
	for _, u := range RoutesFromStr("nats://a:1, nats://u:p@b:2 ,,:bad:,nats-route://c") {
		got = append(got, u.String())
	}
	if diff := cmp.Diff([]string{"nats://a:1", "nats://u:p@b:2", "nats-route://c"}, got); diff != "" {
		t.Error(diff)
	}
	if got := RoutesFromStr(""); got == nil || len(got) != 0 {
		t.Errorf("%v", got)
	}
}
