package main

import (
	"bufio"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"unicode"
)

func main() {
	root := flag.String("root", ".", "the repository")
	missing := flag.Bool("missing", false, "list the entries that are neither covered nor inapplicable")
	file := flag.String("file", "", "list only those of this file of the reference; implies -missing")
	flag.Parse()
	if err := run(*root, *file, *missing, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// entry is one test function of the reference.
type entry struct {
	file, line, name string
	reason           string // why it is not applicable; empty if it is
	covered          []string
}

type ledger map[string]*entry // by "name file"

// run prints the summary or what is missing, of one file if there is a name.
func run(root, file string, missing bool, out io.Writer) error {
	l, err := readLedger(filepath.Join(root, "parity", "ledger.tsv"))
	if err != nil {
		return err
	}
	if file != "" && !l.knows(file) {
		return fmt.Errorf("the ledger has no file %q", file)
	}
	faults, err := l.scan(root)
	if err != nil {
		return err
	}
	for _, e := range l {
		if len(e.covered) > 0 && e.reason != "" {
			faults = append(faults, fmt.Sprintf("%s %s is not applicable (%s) but covered by %s", e.name, e.file, e.reason, e.covered[0]))
		}
	}
	if missing || file != "" {
		l.missing(file, out)
	} else {
		l.summary(out)
	}
	if len(faults) > 0 {
		sort.Strings(faults)
		return fmt.Errorf("%s", strings.Join(faults, "\n"))
	}
	return nil
}

// readLedger reads file, line, name and reason, separated by tabs.
func readLedger(path string) (ledger, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	l := make(ledger)
	scanner := bufio.NewScanner(f)
	for n := 1; scanner.Scan(); n++ {
		fields := strings.Split(scanner.Text(), "\t")
		if len(fields) < 3 {
			return nil, fmt.Errorf("%s:%d: want file, line and name", path, n)
		}
		e := &entry{file: fields[0], line: fields[1], name: fields[2]}
		if len(fields) > 3 {
			e.reason = strings.TrimSpace(fields[3])
		}
		if e.reason != "" && !strings.ContainsFunc(e.reason, unicode.IsLetter) {
			return nil, fmt.Errorf("%s:%d: %q does not say why %s is not applicable", path, n, e.reason, e.name)
		}
		l[e.name+" "+e.file] = e
	}
	return l, scanner.Err()
}

// claim is a line that claims an entry.
var claim = regexp.MustCompile(`^//\s*Go:\s+((?:Test|Fuzz|Benchmark)\w*)\s+(\S+_test\.go):(\d+)\s*$`)

// looksLikeClaim finds lines that are meant to be claims.
var looksLikeClaim = regexp.MustCompile(`^//\s*Go:\s+(Test|Fuzz|Benchmark)`)

// scan reads the claims of all Go files and returns what is wrong with them.
func (l ledger) scan(root string) (faults []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "testdata" || name == "vendor") {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		more, err := l.scanFile(path)
		faults = append(faults, more...)
		return err
	})
	return faults, err
}

func (l ledger) scanFile(path string) (faults []string, err error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, path, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	tests := make(map[*ast.CommentGroup]string)
	if strings.HasSuffix(path, "_test.go") {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Doc != nil && isTest(fn) {
				tests[fn.Doc] = fn.Name.Name
			}
		}
	}
	for _, group := range f.Comments {
		for _, c := range group.List {
			if !looksLikeClaim.MatchString(c.Text) {
				continue
			}
			where := set.Position(c.Pos()).String()
			if fault := l.take(c.Text, tests[group], where); fault != "" {
				faults = append(faults, where+": "+fault)
			}
		}
	}
	return faults, nil
}

// isTest reports whether go test runs the function: by its name and by its one
// parameter, a pointer to T, F or B.
func isTest(fn *ast.FuncDecl) bool {
	name := fn.Name.Name
	if name == "TestMain" || fn.Type.Params.NumFields() != 1 || fn.Type.Results != nil {
		return false
	}
	star, ok := fn.Type.Params.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	kind, ok := star.X.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	for prefix, parameter := range map[string]string{"Test": "T", "Fuzz": "F", "Benchmark": "B"} {
		rest, ok := strings.CutPrefix(name, prefix)
		if ok && kind.Sel.Name == parameter && (rest == "" || !unicode.IsLower(rune(rest[0]))) {
			return true
		}
	}
	return false
}

// take notes a claim, or says what is wrong with it.
func (l ledger) take(text, test, where string) string {
	m := claim.FindStringSubmatch(text)
	if m == nil {
		return "want // Go: TestName dir/file_test.go:line"
	}
	if test == "" {
		return "a claim must stand in the doc comment of a test"
	}
	e := l[m[1]+" "+m[2]]
	switch {
	case e == nil:
		return fmt.Sprintf("no entry %s %s in the ledger", m[1], m[2])
	case e.line != m[3]:
		return fmt.Sprintf("%s stands at line %s, not %s", m[1], e.line, m[3])
	}
	e.covered = append(e.covered, where)
	return ""
}

// counts of one file of the reference.
type counts struct{ covered, total, notApplicable int }

func (l ledger) summary(out io.Writer) {
	files := make(map[string]*counts)
	var all counts
	for _, e := range l {
		c := files[e.file]
		if c == nil {
			c = &counts{}
			files[e.file] = c
		}
		for _, c := range []*counts{c, &all} {
			c.total++
			switch {
			case len(e.covered) > 0:
				c.covered++
			case e.reason != "":
				c.notApplicable++
			}
		}
	}
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(out, "%-44s %8s %6s %15s\n", "file of the reference", "covered", "total", "not applicable")
	for _, name := range names {
		c := files[name]
		fmt.Fprintf(out, "%-44s %8d %6d %15d\n", name, c.covered, c.total, c.notApplicable)
	}
	fmt.Fprintf(out, "%-44s %8d %6d %15d\n", "all", all.covered, all.total, all.notApplicable)
}

// knows reports whether the ledger has entries of a file.
func (l ledger) knows(file string) bool {
	for _, e := range l {
		if e.file == file {
			return true
		}
	}
	return false
}

// missing lists what is neither covered nor inapplicable, of all files if file is
// empty, in the order of the files and their lines.
func (l ledger) missing(file string, out io.Writer) {
	var list []*entry
	for _, e := range l {
		if (file == "" || e.file == file) && len(e.covered) == 0 && e.reason == "" {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(len(a.line), len(b.line)), cmp.Compare(a.line, b.line))
	})
	for _, e := range list {
		fmt.Fprintf(out, "%s %s:%s\n", e.name, e.file, e.line)
	}
}
