package interest

import (
	"strings"

	"github.com/godwit-mq/godwit/internal/subject"
)

// kidsMax is the number of literal tokens up to which a branch searches a
// slice; above it uses a table. It goes back to the slice at half of that.
const kidsMax = 8

// branch is a place in the trie where patterns that share their first tokens
// go different ways. Offsets into patterns, here and below, are those of the
// first byte of a token; the length plus one says that no token is left.
type branch[T comparable] struct {
	kids []kid[T]        // what goes on with a literal token, while few
	wide table[child[T]] // the same, while many; either this or kids is empty
	star child[T]        // what goes on with '*'
	rest *leaf[T]        // the pattern that ends with '>' here
	here *leaf[T]        // the pattern that ends before this branch
}

// child is what stands behind a token: nothing, or one pattern with all its
// further tokens, or a branch with more.
type child[T comparable] struct {
	leaf   *leaf[T]
	branch *branch[T]
}

func (c child[T]) isEmpty() bool { return c.leaf == nil && c.branch == nil }

type kid[T comparable] struct {
	token string
	child child[T]
}

// leaf is one pattern with its subscriptions.
type leaf[T comparable] struct {
	pattern string
	set     set[T]
}

// cut returns the token of pattern at pos and the offset of the next one.
func cut(pattern string, pos int) (token string, next int) {
	if n := strings.IndexByte(pattern[pos:], '.'); n >= 0 {
		return pattern[pos : pos+n], pos + n + 1
	}
	return pattern[pos:], len(pattern) + 1
}

// find returns what stands behind a literal token.
func (b *branch[T]) find(token []byte) child[T] {
	if b.wide.entries != nil {
		return b.wide.entries[string(token)]
	}
	for i := range b.kids {
		if b.kids[i].token == string(token) {
			return b.kids[i].child
		}
	}
	return child[T]{}
}

// get returns what stands behind a token other than '>'.
func (b *branch[T]) get(token string) child[T] {
	switch {
	case token == "*":
		return b.star
	case b.wide.entries != nil:
		return b.wide.entries[token]
	}
	for i := range b.kids {
		if b.kids[i].token == token {
			return b.kids[i].child
		}
	}
	return child[T]{}
}

// put changes what stands behind a token other than '>'; an empty child
// removes the token.
func (b *branch[T]) put(token string, c child[T]) {
	switch {
	case token == "*":
		b.star = c
	case b.wide.entries != nil:
		b.putWide(token, c)
	default:
		b.putKid(token, c)
	}
}

func (b *branch[T]) putKid(token string, c child[T]) {
	for i := range b.kids {
		if b.kids[i].token != token {
			continue
		}
		if !c.isEmpty() {
			b.kids[i] = kid[T]{token, c}
			return
		}
		last := len(b.kids) - 1
		b.kids[i] = b.kids[last]
		b.kids[last] = kid[T]{}
		b.kids = b.kids[:last]
		return
	}
	if c.isEmpty() {
		return
	}
	if len(b.kids) < kidsMax {
		b.kids = append(b.kids, kid[T]{token, c})
		return
	}
	for _, k := range b.kids {
		b.wide.put(k.token, k.child)
	}
	b.wide.put(token, c)
	b.kids = nil
}

func (b *branch[T]) putWide(token string, c child[T]) {
	if !c.isEmpty() {
		b.wide.put(token, c)
		return
	}
	b.wide.delete(token)
	if len(b.wide.entries) > kidsMax/2 {
		return
	}
	b.kids = make([]kid[T], 0, kidsMax)
	for token, c := range b.wide.entries {
		b.kids = append(b.kids, kid[T]{token, c})
	}
	b.wide = table[child[T]]{}
}

func (b *branch[T]) isEmpty() bool {
	return len(b.kids) == 0 && b.wide.entries == nil && b.star.isEmpty() && b.rest == nil && b.here == nil
}

// only returns the leaf below b if there is nothing else below it.
func (b *branch[T]) only() *leaf[T] {
	if b.wide.entries != nil || len(b.kids) > 1 {
		return nil
	}
	found, n := b.star.leaf, 0
	if !b.star.isEmpty() {
		n++
	}
	if len(b.kids) == 1 {
		found, n = b.kids[0].child.leaf, n+1
	}
	if b.rest != nil {
		found, n = b.rest, n+1
	}
	if b.here != nil {
		found, n = b.here, n+1
	}
	if n != 1 {
		return nil
	}
	return found
}

// insert stores a subscription below the root b.
func (b *branch[T]) insert(pattern, queue string, weight int32, v T) change {
	pos := 0
	for {
		if pos > len(pattern) {
			return insertAt(&b.here, pattern, queue, weight, v)
		}
		token, next := cut(pattern, pos)
		if token == ">" {
			return insertAt(&b.rest, pattern, queue, weight, v)
		}
		c := b.get(token)
		switch {
		case c.isEmpty():
			b.put(token, child[T]{leaf: &leaf[T]{pattern, newSet(queue, weight, v)}})
			return addedFirst
		case c.leaf != nil && c.leaf.pattern == pattern:
			return c.leaf.set.insert(queue, weight, v)
		case c.leaf != nil:
			c.branch = &branch[T]{}
			c.branch.place(c.leaf, next)
			c.leaf = nil
			b.put(token, c)
		}
		b, pos = c.branch, next
	}
}

func insertAt[T comparable](at **leaf[T], pattern, queue string, weight int32, v T) change {
	if *at == nil {
		*at = &leaf[T]{pattern, newSet(queue, weight, v)}
		return addedFirst
	}
	return (*at).set.insert(queue, weight, v)
}

// place puts a leaf into the empty branch b, whose place is pos tokens deep in
// the leaf's pattern.
func (b *branch[T]) place(l *leaf[T], pos int) {
	if pos > len(l.pattern) {
		b.here = l
		return
	}
	token, _ := cut(l.pattern, pos)
	if token == ">" {
		b.rest = l
		return
	}
	b.put(token, child[T]{leaf: l})
}

// remove takes a subscription out below b. What has become of b is for the
// caller to see: it may be empty, or have only one leaf.
func (b *branch[T]) remove(pattern string, pos int, queue string, v T) change {
	if pos > len(pattern) {
		return removeAt(&b.here, queue, v)
	}
	token, next := cut(pattern, pos)
	if token == ">" {
		return removeAt(&b.rest, queue, v)
	}
	c := b.get(token)
	if c.branch == nil {
		if c.leaf == nil || c.leaf.pattern != pattern {
			return unchanged
		}
		what := removeAt(&c.leaf, queue, v)
		if c.leaf == nil {
			b.put(token, c)
		}
		return what
	}
	what := c.branch.remove(pattern, next, queue, v)
	if what == unchanged {
		return unchanged
	}
	if l := c.branch.only(); l != nil {
		token, _ = cut(l.pattern, pos) // the same text, but of a string that stays
		b.put(token, child[T]{leaf: l})
	}
	return what
}

func removeAt[T comparable](at **leaf[T], queue string, v T) change {
	if *at == nil {
		return unchanged
	}
	what, empty := (*at).set.remove(queue, v)
	if empty {
		*at = nil
	}
	return what
}

// all visits every subscription below b until fn returns false, and passes
// that on.
func (b *branch[T]) all(fn func(Entry[T]) bool) bool {
	return b.here.visit(fn) && b.further(fn)
}

// further visits what all does except the pattern that ends here.
func (b *branch[T]) further(fn func(Entry[T]) bool) bool {
	return b.rest.visit(fn) && b.star.all(fn) && b.eachKid(func(_ string, c child[T]) bool { return c.all(fn) })
}

func (b *branch[T]) eachKid(fn func(token string, c child[T]) bool) bool {
	for i := range b.kids {
		if !fn(b.kids[i].token, b.kids[i].child) {
			return false
		}
	}
	for token, c := range b.wide.entries {
		if !fn(token, c) {
			return false
		}
	}
	return true
}

func (c child[T]) all(fn func(Entry[T]) bool) bool {
	if c.branch != nil {
		return c.branch.all(fn)
	}
	return c.leaf.visit(fn)
}

// visit visits the subscriptions of a leaf; a nil leaf has none.
func (l *leaf[T]) visit(fn func(Entry[T]) bool) bool {
	return l == nil || l.set.visit(l.pattern, fn)
}

// overlapping visits what overlaps the tokens of pattern from pos on; own is
// the offset of this branch in the patterns stored below it. It passes on
// whether fn wants more.
func (b *branch[T]) overlapping(pattern string, pos, own int, fn func(Entry[T]) bool) bool {
	if pos > len(pattern) {
		return b.here.visit(fn)
	}
	token, next := cut(pattern, pos)
	if token == ">" {
		return b.further(fn)
	}
	if !b.rest.visit(fn) || !b.star.overlapping(pattern, next, own+len("*."), fn) {
		return false
	}
	if token == "*" {
		return b.eachKid(func(token string, c child[T]) bool {
			return c.overlapping(pattern, next, own+len(token)+1, fn)
		})
	}
	return b.get(token).overlapping(pattern, next, own+len(token)+1, fn)
}

func (c child[T]) overlapping(pattern string, pos, own int, fn func(Entry[T]) bool) bool {
	switch {
	case c.branch != nil:
		return c.branch.overlapping(pattern, pos, own, fn)
	case c.leaf != nil && subject.CollideFrom(pattern, pos, c.leaf.pattern, own):
		return c.leaf.visit(fn)
	}
	return true
}
