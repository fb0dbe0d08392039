package godwit_test

import (
	"errors"
	"testing"

	"github.com/godwit-mq/godwit"
)

func TestSubjects(t *testing.T) {
	for name, ok := range map[string]bool{
		"valid":     godwit.IsValidSubject("a.*.>") && !godwit.IsValidSubject("a..b"),
		"literal":   godwit.IsValidLiteralSubject("a.b") && !godwit.IsValidLiteralSubject("a.*"),
		"publish":   godwit.IsValidPublishSubject("a.b") && !godwit.IsValidPublishSubject("a.>"),
		"collision": godwit.SubjectsCollide("a.*", "*.b") && !godwit.SubjectsCollide("a.*", "b.*"),
		"filter":    godwit.SubjectMatchesFilter("a.b", "a.*") && !godwit.SubjectMatchesFilter("a.b", "a"),
		"mapping":   godwit.ValidateMapping("a.*", "b.$1") == nil && godwit.ValidateMapping("a.*", "b.$2") != nil,
		"strict":    godwit.ValidateMapping("a.*", "") == nil && godwit.ValidateMapping("foo", "foo. bar}") != nil,
	} {
		if !ok {
			t.Error(name)
		}
	}
	transform, err := godwit.NewSubjectTransform("a.*.*", "b.$2.$1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := transform.Match("a.x.y"); got != "b.y.x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := transform.Match("c.x.y"); !errors.Is(err, godwit.ErrNoTransforms) {
		t.Error(err)
	}
	if _, err := transform.Match("a.*.y"); !errors.Is(err, godwit.ErrBadSubject) {
		t.Error(err)
	}
	if _, err := godwit.NewSubjectTransform("a.*", "b.$2"); err == nil {
		t.Error("a bad transform was accepted")
	}
}
