package operator

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/jwt/v2"
	"pgregory.net/rapid"
)

// example is what the templates of the tests are filled in from.
func example() (*Account, *jwt.UserClaims) {
	a := &Account{Name: "ACCOUNT", DisplayName: "accname", Tags: []string{"acc:acc1", "acc:acc2"}}
	c := &jwt.UserClaims{}
	c.Name, c.Subject, c.IssuerAccount = "myname", "USER", "ACCOUNT"
	c.Tags.Add("foo:foo1", "foo:foo2", "bar:bar1", "bar:bar2", "bar:bar3", "bucket:a", "bad:x y", "mixed:Case")
	return a, c
}

// Go: TestJWTInLineTemplates server/jwt_test.go:4558
// Go: TestJWTTemplateGoodTagAfterBadTag server/jwt_test.go:4588
// Go: TestProcessUserPermissionsTemplateMalformedOpDoesNotPanic server/auth_test.go:227
// Go: TestProcessUserPermissionsTemplateUnknownAllowOpDoesNotPanic server/auth_test.go:237
func TestTemplateLists(t *testing.T) {
	a, c := example()
	product := []string{
		"foo1.none.bar1", "foo1.none.bar2", "foo1.none.bar3", "foo2.none.bar1", "foo2.none.bar2", "foo2.none.bar3",
	}
	for _, test := range []struct {
		list      []string
		allow     []string // what an allow list becomes
		deny      []string // what a deny list becomes
		allowFail string   // why an allow list is refused
		denyFail  string
	}{
		{list: []string{"{{tag(foo)}}.none.{{tag(bar)}}"}, allow: product, deny: product},
		{list: []string{"{{tag(foo)}}.{{account-tag(acc)}}"}, allow: []string{"foo1.acc1", "foo1.acc2", "foo2.acc1", "foo2.acc2"}, deny: []string{"foo1.acc1", "foo1.acc2", "foo2.acc1", "foo2.acc2"}},
		{list: []string{"$JS.API.STREAM.INFO.KV_{{tag(bucket)}}"}, allow: []string{"$JS.API.STREAM.INFO.KV_a"}, deny: []string{"$JS.API.STREAM.INFO.KV_a"}},
		{
			list:  []string{"foo.{{name()}}.{{subject()}}.{{account-name()}}.{{account-subject()}}.bar"},
			allow: []string{"foo.myname.USER.accname.ACCOUNT.bar"}, deny: []string{"foo.myname.USER.accname.ACCOUNT.bar"},
		},
		{list: []string{"{{ NAME() }}.{{Tag(BUCKET)}}"}, allow: []string{"myname.a"}, deny: []string{"myname.a"}},
		{list: []string{"{{tag(mixed)}}"}, allow: []string{"case"}, deny: []string{"case"}},
		// The same placeholder is the same value.
		{list: []string{"{{tag(foo)}}.{{tag(foo)}}"}, allow: []string{"foo1.foo1", "foo2.foo2"}, deny: []string{"foo1.foo1", "foo2.foo2"}},

		{list: []string{"{{tag(NOT_THERE)}}", "b"}, allow: []string{"b"}, denyFail: `generated invalid subject "{{tag(NOT_THERE)}}": "tag(NOT_THERE)" is not defined`},
		{list: []string{"{{tag(NOT_THERE)}}.{{tag(foo)}}"}, denyFail: "generated invalid subject"},
		{list: []string{"{{tag(foo)}}.{{tag(NOT_THERE)}}"}, denyFail: "generated invalid subject"},
		{list: []string{"a.{{tag(bad)}}"}, denyFail: "generated invalid subject"},
		{list: []string{"{{tag(foo)}} queue"}, denyFail: "generated invalid subject"},

		{list: []string{"foo.{{x}}"}, allowFail: `template operation in "foo.{{x}}": "x" is not defined`, denyFail: "not defined"},
		{list: []string{"foo.{{unknown()}}"}, allowFail: "not defined", denyFail: "not defined"},
		{list: []string{"foo.{{name(x)}}"}, allowFail: "not defined", denyFail: "not defined"},
		{list: []string{"foo.{{tag(}}"}, allowFail: "not defined", denyFail: "not defined"},
		{list: []string{"foo.{{tag)}}"}, allowFail: "not defined", denyFail: "not defined"},
		{list: []string{"foo.{{ }}"}, allowFail: "not defined", denyFail: "not defined"},

		// What is no placeholder is left as it is.
		{list: []string{"foo.{{}}", "a.*", "b queue", "{{name()"}, allow: []string{"foo.{{}}", "a.*", "b queue", "{{name()"}, deny: []string{"foo.{{}}", "a.*", "b queue", "{{name()"}},
		{},
	} {
		for _, deny := range []bool{false, true} {
			f := filler{account: a, user: c}
			want, fail := test.allow, test.allowFail
			if deny {
				want, fail = test.deny, test.denyFail
			}
			got, err := f.list(test.list, deny)
			wantError(t, err, fail)
			if !slices.Equal(got, want) {
				t.Errorf("%q, deny %t: %q, want %q", test.list, deny, got, want)
			}
		}
	}
}

// Go: TestJWTTemplates server/jwt_test.go:4507
func TestTemplateOfAScope(t *testing.T) {
	a, c := example()
	template := &jwt.UserPermissionLimits{}
	template.Pub.Allow.Add("{{tag(foo)}}.none.{{tag(bar)}}")
	template.Pub.Deny.Add("{{tag(foo)}}.{{account-tag(acc)}}")
	template.Sub.Allow.Add("{{tag(NOT_THERE)}}") // comes to nothing, so all is denied
	template.Sub.Deny.Add("foo.{{name()}}.{{subject()}}.{{account-name()}}.{{account-subject()}}.bar")
	filled, err := fill(template, a, c)
	wantError(t, err, "")
	want := jwt.Permissions{
		Pub: jwt.Permission{
			Allow: jwt.StringList{
				"foo1.none.bar1", "foo1.none.bar2", "foo1.none.bar3", "foo2.none.bar1", "foo2.none.bar2", "foo2.none.bar3",
			},
			Deny: jwt.StringList{"foo1.acc1", "foo1.acc2", "foo2.acc1", "foo2.acc2"},
		},
		Sub: jwt.Permission{Deny: jwt.StringList{"foo.myname.USER.accname.ACCOUNT.bar", ">"}},
	}
	if diff := cmp.Diff(want, filled.Permissions); diff != "" {
		t.Error(diff)
	}
	if template.Sub.Allow[0] != "{{tag(NOT_THERE)}}" || len(template.Sub.Deny) != 1 {
		t.Errorf("the template was changed: %v", template.Sub)
	}
	template.Pub.Deny.Add("{{tag(NOT_THERE)}}")
	_, err = fill(template, a, c)
	wantError(t, err, "generated invalid subject")
}

// Go: TestProcessUserPermissionsTemplateRejectsExcessiveTagExpansions server/auth_test.go:247
func TestTemplateExpansionIsBounded(t *testing.T) {
	tags := func(name string, n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("%s:v%d", name, i))
		}
		return list
	}
	for name, test := range map[string]struct {
		list []string
		tags []string
		want error
	}{
		"128 by 128":         {[]string{"foo.{{tag(a)}}.{{tag(b)}}"}, slices.Concat(tags("a", 128), tags("b", 128)), errExpansions},
		"64 by 64":           {[]string{"{{tag(a)}}.{{tag(b)}}"}, slices.Concat(tags("a", 64), tags("b", 64)), nil},
		"64 by 64 and one":   {[]string{"{{tag(a)}}.{{tag(b)}}", "{{name()}}"}, slices.Concat(tags("a", 64), tags("b", 64)), errExpansions},
		"many of 100":        {[]string{strings.Repeat("{{tag(a)}}.{{ tag(a)}}.{{tag(a) }}.", 20) + "x"}, tags("a", 100), errExpansions},
		"few, but huge ones": {[]string{"{{tag(a)}}.{{tag(b)}}"}, append(tags("a", 4096), "b:"+strings.Repeat("x", 1<<16)), errExpandedBytes},
	} {
		c := &jwt.UserClaims{}
		c.Name, c.Tags = "name", test.tags
		template := &jwt.UserPermissionLimits{}
		template.Pub.Allow = test.list
		if _, err := fill(template, &Account{}, c); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
}

// The result of an entry with different placeholders is what nested loops that
// replace text give.
func TestTemplateProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, c := &Account{}, &jwt.UserClaims{}
		value := rapid.StringMatching(`[a-c]{1,2}`)
		want := []string{""}
		var text strings.Builder
		for i := range rapid.IntRange(0, 4).Draw(t, "placeholders") {
			literal := value.Draw(t, "literal") + "."
			name := fmt.Sprintf("t%d", i)
			fmt.Fprintf(&text, "%s{{tag(%s)}}.", literal, name)
			values := rapid.SliceOfN(value, 1, 4).Draw(t, "values")
			var next []string
			for _, begin := range want {
				for _, v := range values {
					next = append(next, begin+literal+v+".")
				}
			}
			for _, v := range values {
				c.Tags = append(c.Tags, name+":"+v)
			}
			want = next
		}
		text.WriteString("end")
		for i := range want {
			want[i] += "end"
		}
		f := filler{account: a, user: c}
		got, err := f.list([]string{text.String()}, true)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%q: %q, want %q", text.String(), got, want)
		}
	})
}

func FuzzTemplate(f *testing.F) {
	for _, text := range []string{
		"{{tag(foo)}}.none.{{tag(bar)}}", "{{ name( ) }}", "a.{{}}.b", "{{{name()}}}", "{{x}}", "{{name()", "}}{{", "{{account-tag(acc)}} q", "{{tag()}}",
	} {
		f.Add(text)
	}
	a, c := example()
	f.Fuzz(func(t *testing.T, text string) {
		allow := filler{account: a, user: c}
		got, err := allow.list([]string{text}, false)
		if err != nil {
			return
		}
		if len(got) > maxExpansions {
			t.Fatalf("%d results", len(got))
		}
		for _, name := range got {
			if placeholder.MatchString(text) && !isEntry(name, false) {
				t.Fatalf("%q became %q", text, name)
			}
		}
	})
}
