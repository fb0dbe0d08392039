package interest

import "testing"

// listener is a channel with room for one notification, and what is expected
// from it. Notifications are sent before the change returns, so there is
// nothing to wait for.
type listener struct {
	t  *testing.T
	ch chan bool
}

func newListener(t *testing.T) listener { return listener{t, make(chan bool, 1)} }

func (l listener) expect(want bool) {
	l.t.Helper()
	select {
	case got := <-l.ch:
		if got != want {
			l.t.Fatalf("told %v, want %v", got, want)
		}
	default:
		l.t.Fatalf("told nothing, want %v", want)
	}
	l.expectNone()
}

func (l listener) expectNone() {
	l.t.Helper()
	select {
	case got := <-l.ch:
		l.t.Fatalf("told %v, want nothing", got)
	default:
	}
}

func register(t *testing.T, x *Index[int], subj, queue string, l listener) {
	t.Helper()
	if err := x.Register(subj, queue, l.ch); err != nil {
		t.Fatalf("Register(%q, %q): %v", subj, queue, err)
	}
}

func deregister(t *testing.T, x *Index[int], subj, queue string, l listener) {
	t.Helper()
	if err := x.Deregister(subj, queue, l.ch); err != nil {
		t.Fatalf("Deregister(%q, %q): %v", subj, queue, err)
	}
}

// Go: TestSublistRegisterInterestNotification server/sublist_test.go:1150
func TestNotifications(t *testing.T) {
	for name, story := range map[string]func(*testing.T, *Index[int], listener){
		"errors":              notifyErrors,
		"first and last":      notifyFirstAndLast,
		"present state":       notifyPresentState,
		"longer subject":      notifyIgnoresLongerSubject,
		"wildcards":           notifyIgnoresWildcards,
		"run of changes":      notifyInRun,
		"plain ignores queue": notifyPlainIgnoresQueues,
		"queue":               notifyQueue,
		"two queues":          notifyTwoQueues,
		"full channel":        notifyNeverBlocks,
	} {
		t.Run(name, func(t *testing.T) {
			x := New[int]()
			story(t, x, newListener(t))
		})
	}
}

func notifyErrors(t *testing.T, x *Index[int], l listener) {
	expectError := func(got, want error, text string) {
		t.Helper()
		if got != want || got.Error() != text {
			t.Fatalf("error %v, want %v", got, want)
		}
	}
	for _, subj := range []string{"foo.*", ">", "", "foo..bar"} {
		expectError(x.Register(subj, "", l.ch), ErrInvalidSubject, "sublist: invalid subject")
	}
	expectError(x.Register("foo", "", nil), ErrNilChannel, "sublist: nil channel")
	expectError(x.Deregister("foo", "", l.ch), ErrNotFound, "sublist: no matches found")
	register(t, x, "foo", "", l)
	l.expect(false)
	expectError(x.Register("foo", "", l.ch), ErrAlreadyRegistered, "sublist: notification already registered")
	expectError(x.Deregister("foo", "q", l.ch), ErrNotFound, "sublist: no matches found")
	l.expectNone()
	register(t, x, "foo", "q", l) // something else
	l.expect(false)
	deregister(t, x, "foo", "", l)
	deregister(t, x, "foo", "q", l)
	if x.notify != nil {
		t.Fatalf("registrations are left: %v", x.notify)
	}
}

func notifyFirstAndLast(t *testing.T, x *Index[int], l listener) {
	register(t, x, "foo", "", l)
	l.expect(false)
	insert(t, x, "foo", "", 1, 1)
	l.expect(true)
	insert(t, x, "foo", "", 1, 2)
	l.expectNone()
	register(t, x, "bar", "", l)
	l.expect(false)
	insert(t, x, "foo", "", 1, 3)
	l.expectNone()
	remove(t, x, "foo", "", 1)
	remove(t, x, "foo", "", 2)
	l.expectNone()
	remove(t, x, "foo", "", 3)
	l.expect(false)
	insert(t, x, "bar", "", 1, 4)
	l.expect(true)
	deregister(t, x, "bar", "", l)
	remove(t, x, "bar", "", 4)
	l.expectNone()
	insert(t, x, "foo", "", 1, 1)
	l.expect(true)
}

func notifyPresentState(t *testing.T, x *Index[int], l listener) {
	insert(t, x, "foo", "", 1, 1)
	insert(t, x, "bar", "q", 1, 1)
	register(t, x, "foo", "", l)
	l.expect(true)
	register(t, x, "foo", "q", l)
	l.expect(false)
	register(t, x, "bar", "q", l)
	l.expect(true)
	register(t, x, "bar", "", l)
	l.expect(false)
	insert(t, x, "bar", "", 1, 2)
	l.expect(true)
	remove(t, x, "bar", "q", 1)
	l.expect(false)
}

func notifyIgnoresLongerSubject(t *testing.T, x *Index[int], l listener) {
	register(t, x, "test.node", "", l)
	l.expect(false)
	insert(t, x, "test.node.already.exist", "", 1, 1)
	l.expectNone()
	insert(t, x, "test.node", "", 1, 2)
	l.expect(true)
	insert(t, x, "test.node", "", 1, 3)
	remove(t, x, "test.node.already.exist", "", 1)
	remove(t, x, "test.node", "", 2)
	l.expectNone()
	remove(t, x, "test.node", "", 3)
	l.expect(false)
}

func notifyIgnoresWildcards(t *testing.T, x *Index[int], l listener) {
	insert(t, x, "*", "", 1, 1)
	register(t, x, "foo", "", l)
	l.expect(false)
	insert(t, x, "foo", "", 1, 2)
	l.expect(true)
	remove(t, x, "foo", "", 2)
	l.expect(false)
	insert(t, x, ">", "", 1, 3)
	remove(t, x, "*", "", 1)
	remove(t, x, ">", "", 3)
	l.expectNone()
}

func notifyInRun(t *testing.T, x *Index[int], l listener) {
	register(t, x, "foo", "", l)
	l.expect(false)
	entries := []Entry[int]{{"foo", "", 1, 1}, {"foo", "", 1, 2}, {"foo", "", 1, 3}, {"bar", "", 1, 4}, {"*", "", 1, 5}, {">", "", 1, 6}}
	w := x.Writer()
	for _, e := range entries {
		if err := w.Insert(e.Subject, e.Queue, e.Weight, e.Value); err != nil {
			t.Fatal(err)
		}
	}
	l.expect(true)
	for _, e := range entries {
		if err := w.Remove(e.Subject, e.Queue, e.Value); err != nil {
			t.Fatal(err)
		}
	}
	w.Release()
	l.expect(false)
}

func notifyPlainIgnoresQueues(t *testing.T, x *Index[int], l listener) {
	insert(t, x, "foo.bar.baz", "1", 1, 1)
	register(t, x, "foo.bar.baz", "", l)
	l.expect(false)
	insert(t, x, "foo.bar.>", "1", 1, 2)
	insert(t, x, "foo.bar.baz", "2", 1, 3)
	remove(t, x, "foo.bar.baz", "1", 1)
	remove(t, x, "foo.bar.baz", "2", 3)
	remove(t, x, "foo.bar.>", "1", 2)
	insert(t, x, "foo.bar.>", "1", 1, 2)
	l.expectNone()
}

func notifyQueue(t *testing.T, x *Index[int], l listener) {
	register(t, x, "queue.test.node", "q22", l)
	l.expect(false)
	insert(t, x, "queue.test.node.already.exist", "queue", 1, 1)
	insert(t, x, "queue.test.node", "", 1, 1)
	l.expectNone()
	insert(t, x, "queue.test.node", "q22", 1, 2)
	l.expect(true)
	insert(t, x, "queue.test.node", "otherqueue", 1, 3)
	insert(t, x, "queue.different.node", "q22", 1, 4)
	insert(t, x, "queue.test.node", "q22", 1, 5)
	insert(t, x, "queue.test.node", "q22", 9, 5) // a weight
	remove(t, x, "queue.test.node", "otherqueue", 3)
	remove(t, x, "queue.test.node.already.exist", "queue", 1)
	remove(t, x, "queue.test.node", "q22", 2)
	remove(t, x, "queue.different.node", "q22", 4)
	l.expectNone()
	remove(t, x, "queue.test.node", "q22", 5)
	l.expect(false)
	deregister(t, x, "queue.test.node", "q22", l)
	insert(t, x, "queue.test.node", "q22", 1, 2)
	l.expectNone()
}

func notifyTwoQueues(t *testing.T, x *Index[int], l1 listener) {
	l2 := newListener(t)
	register(t, x, "some.subject", "queue1", l1)
	l1.expect(false)
	insert(t, x, "some.subject", "queue1", 1, 1)
	l1.expect(true)
	register(t, x, "some.subject", "queue2", l2)
	l2.expect(false)
	insert(t, x, "some.subject", "queue2", 1, 2)
	l2.expect(true)
	l1.expectNone()
	remove(t, x, "some.subject", "queue1", 1)
	l1.expect(false)
	l2.expectNone()
	remove(t, x, "some.subject", "queue2", 2)
	l2.expect(false)
	deregister(t, x, "some.subject", "queue1", l1)
	deregister(t, x, "some.subject", "queue2", l2)
	if x.notify != nil {
		t.Fatalf("registrations are left: %v", x.notify)
	}

	// Two who want to know the same are both told.
	register(t, x, "foo", "", l1)
	register(t, x, "foo", "", l2)
	l1.expect(false)
	l2.expect(false)
	insert(t, x, "foo", "", 1, 1)
	l1.expect(true)
	l2.expect(true)
	deregister(t, x, "foo", "", l1)
	remove(t, x, "foo", "", 1)
	l1.expectNone()
	l2.expect(false)
}

func notifyNeverBlocks(t *testing.T, x *Index[int], l listener) {
	register(t, x, "bar", "", l)
	register(t, x, "baz", "", l)
	insert(t, x, "baz", "", 1, 1)
	insert(t, x, "bar", "", 1, 2)
	insert(t, x, "*", "", 1, 3)
	l.expect(false) // the first; the others found no room
}
