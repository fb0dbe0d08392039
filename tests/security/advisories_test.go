package security_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/godwit-mq/godwit/tests/kit"
)

const advisories = "../../docs/security-advisories.md"

// The page about advisories names tests. They exist where it says, and those of this
// directory are all named.
func TestTheAdvisoriesNameRealTests(t *testing.T) {
	page := string(kit.Must[[]byte](t)(os.ReadFile(advisories)))
	const here = "tests/security"
	named := make(map[string]bool)
	declared := make(map[string][]string)
	testsIn := func(dir string) []string {
		if declared[dir] == nil {
			declared[dir] = testsIn(t, dir)
		}
		return declared[dir]
	}
	elsewhere := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`(?: \\(|, )`((?:tests|internal)/\\w+)`")
	rest := elsewhere.ReplaceAllStringFunc(page, func(text string) string {
		part := elsewhere.FindStringSubmatch(text)
		if !slices.Contains(testsIn(part[2]), part[1]) {
			t.Errorf("there is no %s in %s", part[1], part[2])
		}
		named[part[1]] = named[part[1]] || part[2] == here
		return ""
	})
	own := testsIn(here)
	for _, name := range regexp.MustCompile(`(?:Test|Fuzz)\w+`).FindAllString(rest, -1) {
		if !slices.Contains(own, name) {
			t.Errorf("there is no %s here", name)
		}
		named[name] = true
	}
	for _, name := range own {
		if !named[name] && name != "TestMain" && name != t.Name() {
			t.Errorf("%s is not named", name)
		}
	}
}

// testsIn lists the tests of a directory.
func testsIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	files := kit.Must[[]string](t)(filepath.Glob(filepath.Join("../..", dir, "*_test.go")))
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	for _, file := range files {
		for _, found := range declared.FindAllStringSubmatch(string(kit.Must[[]byte](t)(os.ReadFile(file))), -1) {
			names = append(names, strings.TrimSpace(found[1]))
		}
	}
	return names
}
