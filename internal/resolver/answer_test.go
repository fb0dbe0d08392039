package resolver

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/godwit-mq/godwit/internal/operator"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
)

// realm is an operator with one account.
type realm struct {
	operator, account signer
	system            string
	trust             *operator.Trust
}

func newRealm(t testing.TB) *realm {
	t.Helper()
	w := &realm{operator: newSigner(t, nkeys.CreateOperator), account: newAccount(t), system: newAccount(t).public}
	c := jwt.NewOperatorClaims(w.operator.public)
	c.SystemAccount = w.system
	text, err := c.Encode(w.operator)
	must(t, err)
	o, err := operator.ReadOperator(text)
	must(t, err)
	w.trust, err = operator.New(operator.Settings{Operators: []*operator.Operator{o}, HasResolver: true, SystemAccount: w.system})
	must(t, err)
	return w
}

func (w *realm) text(t testing.TB, change ...func(*jwt.AccountClaims)) string {
	t.Helper()
	c := jwt.NewAccountClaims(w.account.public)
	for _, f := range change {
		f(c)
	}
	text, err := c.Encode(w.operator)
	must(t, err)
	return text
}

func TestHandleUpdate(t *testing.T) {
	w := newRealm(t)
	key, other := w.account.public, newAccount(t).public
	good := w.text(t)
	invalid := w.text(t, func(c *jwt.AccountClaims) { c.Exports.Add(&jwt.Export{Subject: "a b", Type: jwt.Stream}) })
	issues := `validation errors: [subject "a b" cannot have spaces]`
	strange := w.account.claims(t, "", 0)

	kinds := map[Kind]func() Resolver{
		KindMemory: func() Resolver { return NewMemory(nil) },
		KindURL:    func() Resolver { return newURL(t, "http://127.0.0.1:1", 0, nil) },
		KindFull:   func() Resolver { return newFull(t, Settings{Path: t.TempDir()}, DeleteRefused) },
		KindCache:  func() Resolver { return newCache(t, Settings{Path: t.TempDir()}, 0) },
	}
	// The texts of resolvers without a directory come first, then of full ones and
	// caches. An account in front of a text is what the answer names.
	for name, test := range map[string]struct {
		key, text string
		loaded    bool
		want      [3]string
		account   [3]string
		stored    [3]bool // applied, for those without a directory
	}{
		"loaded": {key, good, true, [3]string{"jwt updated", "jwt updated", "jwt updated cache"}, [3]string{key, key, key}, [3]bool{true, true, true}},
		"not":    {key, good, false, [3]string{"jwt update skipped", "jwt updated", "jwt update cache skipped"}, [3]string{key, key, key}, [3]bool{false, true, false}},
		"by JWT": {"", good, true, [3]string{"jwt updated", "jwt updated", "jwt updated cache"}, [3]string{key, key, key}, [3]bool{true, true, true}},
		"undecodable": {key, "x", true, [3]string{
			"jwt update resulted in error - expected 3 chunks", "jwt update resulted in error - expected 3 chunks", "jwt update cache resulted in error - expected 3 chunks",
		}, [3]string{key, "n/a", key}, [3]bool{}},
		"undecodable, by JWT": {"", "x", true, [3]string{
			"jwt update resulted in error - expected 3 chunks", "jwt update resulted in error - expected 3 chunks", "jwt update cache resulted in error - expected 3 chunks",
		}, [3]string{"n/a", "n/a", "n/a"}, [3]bool{}},
		"empty": {key, "", true, [3]string{
			"jwt update error - request body is empty", "jwt update resulted in error - expected 3 chunks", "jwt update cache resulted in error - expected 3 chunks",
		}, [3]string{key, "n/a", key}, [3]bool{}},
		"invalid": {key, invalid, true, [3]string{
			"jwt update resulted in error - " + issues, "jwt validation failed - " + issues, "jwt update cache validation failed - " + issues,
		}, [3]string{key, key, key}, [3]bool{}},
		"another account": {other, good, true, [3]string{
			"jwt update resulted in error - subject does not match jwt content", "jwt update resulted in error - subject does not match jwt content", "jwt update cache resulted in error - subject does not match jwt content",
		}, [3]string{other, other, other}, [3]bool{}},
		"not trusted": {key, strange, true, [3]string{
			"jwt update resulted in error - account validation failed: issuer is not trusted: " + key, "jwt update resulted in error - account validation failed: issuer is not trusted: " + key, "jwt update cache resulted in error - account validation failed: issuer is not trusted: " + key,
		}, [3]string{key, key, key}, [3]bool{}},
	} {
		for kind, create := range kinds {
			column := map[Kind]int{KindMemory: 0, KindURL: 0, KindFull: 1, KindCache: 2}[kind]
			r := create()
			apply, a := HandleUpdate(r, w.trust, test.key, test.text, func(account string) bool { return test.loaded && account == key })
			text := a.Message + a.Description
			if text != test.want[column] || a.Account != test.account[column] {
				t.Errorf("%s, %s: %+v", name, kind, a)
			}
			if a.OK() != (a.Message != "") || a.OK() != (a.Code == 200) || !a.OK() && a.Code != 500 {
				t.Errorf("%s, %s: %+v", name, kind, a)
			}
			stored := apply != ""
			if shared, ok := r.(*Shared); ok {
				stored = slices.Equal(shared.Keys(), []string{key})
			}
			if stored != test.stored[column] {
				t.Errorf("%s, %s: stored %t", name, kind, stored)
			}
		}
	}
}

// Updates of people replace newer ones, and the server is told.
func TestUpdateReplacesNewer(t *testing.T) {
	w := newRealm(t)
	var rec recorder
	r := newFull(t, Settings{Path: t.TempDir(), Changed: rec.note}, DeleteRefused)
	older := w.text(t, func(c *jwt.AccountClaims) { c.Name = "older" })
	for _, text := range []string{older, w.text(t), older} {
		if _, a := HandleUpdate(r, w.trust, w.account.public, text, nil); !a.OK() {
			t.Fatalf("%+v", a)
		}
		wantAll(t, r.Directory, map[string]string{w.account.public: text})
		if got := rec.take(); !slices.Equal(got, []string{w.account.public}) {
			t.Errorf("told of %v", got)
		}
	}
	must(t, r.Close())
	_, a := HandleUpdate(r, w.trust, w.account.public, w.text(t), nil)
	if a.Description != "jwt update resulted in error - store is closed" {
		t.Errorf("%+v", a)
	}
}

func TestAnswerAsJSON(t *testing.T) {
	for want, a := range map[string]Answer{
		`{"account":"A","code":200,"message":"jwt updated"}`:                                UpdateAnswer(KindFull, "A", false, nil),
		`{"account":"A","code":500,"description":"jwt update cache resulted in error - x"}`: UpdateAnswer(KindCache, "A", false, errors.New("x")),
	} {
		if got, err := json.Marshal(a); err != nil || string(got) != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestHandleDelete(t *testing.T) {
	w := newRealm(t)
	ask := func(s signer, keys ...string) string {
		c := jwt.NewGenericClaims(s.public)
		c.Data["accounts"] = keys
		text, err := c.Encode(s)
		must(t, err)
		return text
	}
	one, two, never := newAccount(t).public, newAccount(t).public, newAccount(t).public
	disk := faulty.New(1)
	var rec recorder
	d := open(t, "/d", Config{Create: true, FS: disk, Delete: DeleteRenames, Deleted: rec.note})
	fill := func() {
		must(t, d.Save(one, "one"))
		must(t, d.Save(two, "two"))
	}
	fill()
	for _, test := range []struct{ text, want string }{
		{ask(w.operator, w.system), "delete accounts request by " + w.operator.public + " failed - not allowed to delete system account"},
		{ask(w.account, one), "delete accounts request by " + w.account.public + " failed - not trusted"},
		{"rubbish", "delete accounts request by  failed - expected 3 chunks"},
	} {
		if a := d.HandleDelete(w.trust, test.text, time.Now()); a.OK() || a.Description != test.want {
			t.Errorf("%+v", a)
		}
	}
	wantAll(t, d, map[string]string{one: "one", two: "two"})
	if a := d.HandleDelete(w.trust, ask(w.operator, one, two, never), time.Now()); !a.OK() || a.Message != "deleted 3 accounts" || a.Account != "" {
		t.Errorf("%+v", a)
	}
	if got := rec.take(); len(got) != 2 || len(d.Keys()) != 0 {
		t.Errorf("told of %v, left %v", got, d.Keys())
	}

	fill()
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Rename && op.Name != "" {
			return fs.ErrPermission
		}
		return nil
	})
	a := d.HandleDelete(w.trust, ask(w.operator, one, never), time.Now())
	wantError(t, errors.New(a.Description), "deleted 1 accounts, failed for 1 - delete account "+one)
	disk.Fail(nil)

	refuses := open(t, "/e", Config{Create: true, FS: disk})
	a = refuses.HandleDelete(w.trust, ask(w.operator, one), time.Now())
	if a.Description != "delete accounts request by "+w.operator.public+" failed - delete must be enabled in server config" {
		t.Errorf("%+v", a)
	}
}
