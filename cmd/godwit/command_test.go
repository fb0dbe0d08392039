package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// storedBefore is a store directory with one stream of nats-server: ten messages, of which
// the fourth is deleted, and a consumer.
func storedBefore(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	root := filepath.Join(dir, "jetstream", "$G", "streams", "ORDERS")
	h := legacy.BlockHasher("ORDERS", 1)
	var blk []byte
	var err error
	for seq := uint64(1); seq <= 10; seq++ {
		if blk, err = legacy.AppendRecord(blk, h, seq, int64(seq), []byte("orders.new"), nil, fmt.Appendf(nil, "payload %d", seq)); err != nil {
			t.Fatal(err)
		}
	}
	files := map[string][]byte{"msgs/1.blk": legacy.AppendTombstone(blk, h, 4, 4)}
	for dir, m := range map[string]legacy.Meta{
		"":       {Config: []byte(`{"name":"ORDERS"}`)},
		"obs/C/": {Name: "C", Config: []byte(`{"ack_policy":"explicit"}`)},
	} {
		m.Created = time.Unix(1, 0)
		content, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		files[dir+"meta.inf"] = content
		files[dir+"meta.sum"] = legacy.MetaSum(map[string]string{"": "ORDERS", "obs/C/": "ORDERS/C"}[dir], content)
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// damage inverts a bit where some text is in a file below a directory.
func damage(t *testing.T, dir, text string) (path string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || path != "" {
			return err
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if at := bytes.Index(content, []byte(text)); at >= 0 {
			content[at] ^= 1
			path = name
			return os.WriteFile(name, content, 0o600)
		}
		return nil
	})
	if err != nil || path == "" {
		t.Fatalf("no %q in %s: %v", text, dir, err)
	}
	return path
}

func TestMigrateThenFsck(t *testing.T) {
	from := storedBefore(t)
	to := filepath.Join(t.TempDir(), "new")
	code, stdout, stderr := runHere("migrate", "--from", from, "--to", to)
	if code != 0 || !strings.HasPrefix(stdout, "stream $G > ORDERS: 9 messages, ") || !strings.Contains(stdout, "first 1, last 10, 1 consumers\n") ||
		!strings.Contains(stdout, "1 streams, verified\n") || !strings.Contains(stderr, self+": stream $G > ORDERS: reading\n") {
		t.Fatalf("migrate: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	code, stdout, stderr = runHere("migrate", "--from", from, "--to", to)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "there is a store already") {
		t.Errorf("once more: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}

	code, stdout, stderr = runHere("fsck", "--store-dir", to)
	if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "stream $G > ORDERS: 9 messages, ") || !strings.HasSuffix(stdout, "1 streams, clean\n") {
		t.Errorf("fsck: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	var report struct {
		Clean   bool
		Streams []struct {
			Name     string
			Messages int
			Damage   []struct{ File string }
		}
	}
	code, stdout, _ = runHere("fsck", "--json", "--store-dir", to)
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 0 || !report.Clean || report.Streams[0].Messages != 9 {
		t.Errorf("fsck as JSON: exit %d, %v, %s", code, err, stdout)
	}
	path := damage(t, filepath.Join(to, "godwit", "streams"), "payload 7")
	code, stdout, stderr = runHere("fsck", "--json", "--store-dir", to)
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != 2 || stderr != "" || report.Clean || len(report.Streams[0].Damage) == 0 || report.Streams[0].Damage[0].File != path {
		t.Errorf("fsck of damage: exit %d, %v, %s", code, err, stdout)
	}
}

func TestMigrateWithDamage(t *testing.T) {
	from := storedBefore(t)
	path := damage(t, from, "payload 7")
	to := t.TempDir()
	code, stdout, stderr := runHere("migrate", "--strict", "--from", from, "--to", to)
	if code != 3 || stdout != "" || !strings.Contains(stderr, "damage: "+path+" at ") || !strings.HasSuffix(stderr, "not migrated: damage as listed\n") {
		t.Errorf("strict: exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if left, _ := os.ReadDir(to); len(left) > 0 {
		t.Errorf("strict left %v", left)
	}
	code, stdout, stderr = runHere("migrate", "--from", filepath.Join(from, "jetstream"), "--to", to)
	if code != 3 || !strings.HasPrefix(stdout, "stream $G > ORDERS: 8 messages, ") || !strings.Contains(stderr, "(sequence 7)") || !strings.HasSuffix(stderr, "migrated, with damage as listed\n") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestMigrateIntoTheSourceThroughALink(t *testing.T) {
	from := storedBefore(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(filepath.Join(from, "jetstream"), link); err != nil {
		t.Skip(err)
	}
	code, _, stderr := runHere("migrate", "--from", from, "--to", filepath.Join(link, "sub"))
	if code != 1 || !strings.Contains(stderr, "would be written into the source") {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(from, "jetstream", "sub")); err == nil {
		t.Error("it was written to")
	}
}

func TestFsckOfARunningServer(t *testing.T) {
	dir := t.TempDir()
	node, _, err := block.Open(vfs.OS, filepath.Join(dir, "godwit"), block.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	code, stdout, stderr := runHere("fsck", "--store-dir", dir)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "a server is using the store") {
		t.Errorf("exit %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestCommandLinesOfCommands(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, tc := range []struct {
		args           []string
		code           int
		stdout, stderr string // their beginnings
	}{
		{[]string{"migrate", "-help"}, 0, "Usage: godwit migrate --from", ""},
		{[]string{"migrate", "-h"}, 0, "Usage: godwit migrate --from", ""},
		{[]string{"fsck", "--help"}, 0, "Usage: godwit fsck --store-dir", ""},
		{[]string{"migrate"}, 2, "", "--from and --to are needed\n\nUsage: godwit migrate"},
		{[]string{"migrate", "--from", missing}, 2, "", "--from and --to are needed\n\nUsage: godwit migrate"},
		{[]string{"migrate", "-nonsense"}, 2, "", "flag provided but not defined: -nonsense\n\nUsage: godwit migrate"},
		{[]string{"migrate", "--from", missing, "--to", missing, "more"}, 2, "", "unexpected argument: \"more\"\n\nUsage: godwit migrate"},
		{[]string{"migrate", "--from", missing, "--to", missing + "2"}, 1, "", self + ": not migrated: open store directory"},
		{[]string{"fsck"}, 1, "", "--store-dir is needed\n\nUsage: godwit fsck"},
		{[]string{"fsck", "-x"}, 1, "", "flag provided but not defined: -x\n\nUsage: godwit fsck"},
		{[]string{"fsck", "--store-dir", missing}, 1, "", self + ": " + filepath.Join(missing, "godwit") + ": there is no store"},
		// Elsewhere these are no commands.
		{[]string{"-D", "migrate"}, 1, "", self + `: unrecognized command: "migrate"`},
		{[]string{"-p", "1", "fsck"}, 1, "", self + `: unrecognized command: "fsck"`},
	} {
		code, stdout, stderr := runHere(tc.args...)
		if code != tc.code || !strings.HasPrefix(stdout, tc.stdout) || !strings.HasPrefix(stderr, tc.stderr) || (tc.stdout == "") != (stdout == "") || (tc.stderr == "") != (stderr == "") {
			t.Errorf("%v: exit %d, stdout %q, stderr %q", tc.args, code, stdout, stderr)
		}
	}
	if _, stdout, _ := runHere("-help"); !strings.Contains(stdout, "godwit migrate --from") || !strings.Contains(stdout, "godwit fsck --store-dir") {
		t.Error("-help does not mention the commands")
	}
}
