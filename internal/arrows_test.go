package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/godwit-mq/godwit/"

// floors are the packages from top to bottom, as in docs/architecture.md. A
// package may import only what stands below it.
var floors = []string{
	"cmd/godwit",
	"tests/kit",
	"godwittest",
	".",
	"internal/server",
	"internal/reload",
	"internal/system",
	"internal/monitor",
	"internal/monitor/api",
	"internal/client",
	"internal/jetstream",
	"internal/jetstream/consumer",
	"internal/jetstream/stream",
	"internal/broker",
	"internal/auth",
	"internal/callout",
	"internal/ocsp",
	"internal/resolver",
	"internal/operator",
	"internal/proxyproto",
	"internal/options",
	"internal/sharing",
	"internal/conf",
	"internal/websocket",
	"internal/jetstream/api",
	"internal/events",
	"internal/link",
	"internal/interest",
	"internal/transform",
	"internal/store/fsck",
	"internal/store/migrate",
	"internal/store/archive",
	"internal/store/legacy",
	"internal/store/block",
	"internal/store/catalog",
	"internal/store/heap",
	"internal/store/memory",
	"internal/store/chunked",
	"internal/store/storetest",
	"internal/store",
	"internal/subject",
	"internal/wire",
	"internal/logging",
	"internal/journal",
	"internal/seal",
	"internal/varint",
	"internal/vfs/overlay",
	"internal/vfs/faulty",
	"internal/vfs",
	"internal/ds/gsl",
	"internal/ds/seqset",
	"internal/ds/stree",
	"internal/ds/thw",
}

func TestArrowsPointDown(t *testing.T) {
	rank := make(map[string]int)
	for i, name := range floors {
		rank[name] = i
	}
	seen := make(map[string]bool)
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(path, ".."), string(filepath.Separator)))
		switch {
		case name == "interop", name == "bench", name == "parity", name == "internal/logging/logtest", strings.HasPrefix(d.Name(), ".") && path != "..":
			return filepath.SkipDir
		case name == "":
			name = "."
		}
		for _, imported := range imports(t, path) {
			seen[name] = true
			from, known := rank[name]
			to, knownTo := rank[imported]
			switch {
			case !known:
				t.Errorf("%s has no floor: add it to docs/architecture.md and here", name)
			case !knownTo:
				t.Errorf("%s imports %s, which has no floor", name, imported)
			case to <= from:
				t.Errorf("%s imports %s, which is not below it", name, imported)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !seen["internal/server"] || !seen["internal/broker"] {
		t.Fatalf("looked in the wrong place: %v", seen)
	}
}

// imports lists what the Go files of a directory, tests aside, import of this
// module.
func imports(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if path == strings.TrimSuffix(module, "/") {
				list = append(list, ".")
			} else if name, ok := strings.CutPrefix(path, module); ok {
				list = append(list, name)
			}
		}
	}
	return list
}

// TestEveryPackageTeaches: each package has a doc.go.
func TestEveryPackageTeaches(t *testing.T) {
	for _, name := range floors {
		text, err := os.ReadFile(filepath.Join("..", name, "doc.go"))
		if err != nil || !strings.HasPrefix(string(text), "// ") {
			t.Errorf("%s: no documentation of the package (%v)", name, err)
		}
	}
}
