package api

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// Programs that only read the objects must not get a server with them.
func TestPackageImportsTheStandardLibraryOnly(t *testing.T) {
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range syntax.Imports {
			if strings.Contains(spec.Path.Value, ".") {
				t.Errorf("%s imports %s", file, spec.Path.Value)
			}
		}
	}
}

func TestHealthErrorTypesAreWords(t *testing.T) {
	for kind, word := range map[HealthZErrorType]string{
		HealthzErrorConn: "CONNECTION", HealthzErrorBadRequest: "BAD_REQUEST", HealthzErrorJetStream: "JETSTREAM",
		HealthzErrorAccount: "ACCOUNT", HealthzErrorStream: "STREAM", HealthzErrorConsumer: "CONSUMER",
	} {
		text, err := json.Marshal(HealthzError{Type: kind})
		if err != nil || string(text) != `{"type":"`+word+`"}` {
			t.Errorf("%d: %s, %v", kind, text, err)
		}
		var back HealthzError
		if err := json.Unmarshal(text, &back); err != nil || back.Type != kind {
			t.Errorf("%s: %d, %v", text, back.Type, err)
		}
	}
	for _, bad := range []string{`{"type":"OTHER"}`, `{"type":3}`} {
		if err := json.Unmarshal([]byte(bad), new(HealthzError)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
	for _, kind := range []HealthZErrorType{-1, 6} {
		if kind.String() != "unknown" {
			t.Errorf("%d is %q", kind, kind.String())
		}
	}
}

func TestSortOptIsValid(t *testing.T) {
	for _, known := range strings.Fields("cid start subs pending msgs_to msgs_from bytes_to bytes_from last idle uptime stop reason rtt") {
		if !SortOpt(known).IsValid() {
			t.Errorf("%q is refused", known)
		}
	}
	if !SortOpt("").IsValid() || SortOpt("CID").IsValid() || SortOpt("foo").IsValid() {
		t.Error("empty is valid; CID and foo are not")
	}
}

// FuzzHealthErrorType: what is read is written the same.
func FuzzHealthErrorType(f *testing.F) {
	f.Add(`"STREAM"`)
	f.Add(`"x"`)
	f.Fuzz(func(t *testing.T, text string) {
		var kind HealthZErrorType
		if json.Unmarshal([]byte(text), &kind) != nil {
			return
		}
		if kind.String() == "unknown" {
			t.Fatalf("%s was read as unknown", text)
		}
	})
}
