package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fixture = "a_test.go\t1\tTestOne\nb/b_test.go\t2\tTestTwo\na_test.go\t3\tTestThree\tonly about a private helper\n"

func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files["parity/ledger.tsv"] = fixture
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestSummaryCountsClaims(t *testing.T) {
	root := repository(t, map[string]string{
		"x_test.go":       "package x\n\n// TestX is about much.\n//\n// Go: TestOne a_test.go:1\n// Go: TestTwo b/b_test.go:2\nfunc TestX(t *testing.T) {}\n",
		"deep/y_test.go":  "package y\n\n// Go: TestOne a_test.go:1\nfunc FuzzY(f *testing.F) {}\n",
		".hidden/z.go":    "not Go at all",
		"testdata/bad.go": "not Go at all",
	})
	var out strings.Builder
	if err := run(root, "", false, &out); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"a_test.go 1 2 1", "b/b_test.go 1 1 0", "all 2 3 1"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %s", want, got)
		}
	}
}

func TestBadClaimsFail(t *testing.T) {
	for name, text := range map[string]string{
		"no entry":         "// Go: TestNone a_test.go:1\nfunc TestX(t *testing.T) {}\n",
		"stands at line 1": "// Go: TestOne a_test.go:9\nfunc TestX(t *testing.T) {}\n",
		"want // Go:":      "// Go: TestOne\nfunc TestX(t *testing.T) {}\n",
		"must stand in":    "// Go: TestOne a_test.go:1\nfunc helper() {}\n",
		"doc comment of":   "// Go: TestOne a_test.go:1\nfunc TestX(n int) {}\n",
		"not applicable":   "// Go: TestThree a_test.go:3\nfunc TestX(t *testing.T) {}\n",
		"doc comment":      "func TestX(t *testing.T) {\n\t// Go: TestOne a_test.go:1\n}\n",
	} {
		root := repository(t, map[string]string{"x_test.go": "package x\n\n" + text})
		if err := run(root, "", false, &strings.Builder{}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	root := repository(t, map[string]string{"x.go": "package x\n\n// Go: TestOne a_test.go:1\nfunc TestX(t *testing.T) {}\n"})
	if run(root, "", false, &strings.Builder{}) == nil {
		t.Error("a claim outside of a test file was accepted")
	}
}

func TestMissingEntries(t *testing.T) {
	root := repository(t, map[string]string{"x_test.go": "package x\n\n// Go: TestTwo b/b_test.go:2\nfunc TestX(t *testing.T) {}\n"})
	ledger := "b/b_test.go\t2\tTestTwo\na_test.go\t30\tTestFour\na_test.go\t3\tTestThree\tonly about a private helper\na_test.go\t7\tTestOne\nc_test.go\t1\tTestFive\n"
	setLedger(t, root, ledger)
	for file, want := range map[string]string{
		"":            "TestOne a_test.go:7\nTestFour a_test.go:30\nTestFive c_test.go:1\n",
		"a_test.go":   "TestOne a_test.go:7\nTestFour a_test.go:30\n",
		"b/b_test.go": "",
	} {
		var out strings.Builder
		if err := run(root, file, true, &out); err != nil || out.String() != want {
			t.Errorf("missing in %q: %q, %v", file, out.String(), err)
		}
	}
	var out strings.Builder
	if err := run(root, "c_test.go", false, &out); err != nil || out.String() != "TestFive c_test.go:1\n" {
		t.Errorf("a file alone: %q, %v", out.String(), err)
	}
	out.Reset()
	if err := run(root, "b_test.go", true, &out); err == nil || !strings.Contains(err.Error(), `"b_test.go"`) || out.Len() != 0 {
		t.Errorf("a file that the ledger does not have: %q, %v", out.String(), err)
	}
}

func TestReasonsMustSaySomething(t *testing.T) {
	root := repository(t, map[string]string{})
	for reason, good := range map[string]bool{"-": false, " - ": false, "?": false, "": true, "  ": true, "only about a private helper": true} {
		setLedger(t, root, "a_test.go\t1\tTestOne\t"+reason+"\n")
		if err := run(root, "", false, &strings.Builder{}); (err == nil) != good {
			t.Errorf("%q: %v", reason, err)
		}
	}
}

func setLedger(t *testing.T, root, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(root, "parity", "ledger.tsv"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
