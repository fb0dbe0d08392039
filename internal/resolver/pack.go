package resolver

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Lines yields what is stored, as "key|jwt", in order of the keys. JWTs that have
// expired are left out. Each file is read when its turn comes; one that cannot be
// read yields an error in its place. The store may be used meanwhile.
func (d *Directory) Lines() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, key := range d.Keys() {
			line, err := d.line(key)
			if errors.Is(err, ErrNotFound) {
				continue
			}
			if !yield(line, err) {
				return
			}
		}
	}
}

// line does not count as a use of the JWT.
func (d *Directory) line(key string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := d.index.items[key]
	if i == nil || i.stamp.Expires > 0 && i.stamp.Expires < d.config.Now().Unix() {
		return "", ErrNotFound
	}
	text, err := d.read(i)
	if err != nil {
		return "", err
	}
	return key + "|" + text, nil
}

// Pack joins at most limit lines to one message; a negative limit is none.
func (d *Directory) Pack(limit int) (string, error) {
	var lines []string
	for line, err := range d.Lines() {
		if err != nil {
			return "", err
		}
		if limit >= 0 && len(lines) >= limit {
			break
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n"), nil
}

// PackWalk calls send with messages of at most limit lines until all is told.
func (d *Directory) PackWalk(limit int, send func(message string)) error {
	if limit <= 0 {
		return fmt.Errorf("pack messages of %d accounts", limit)
	}
	var lines []string
	flush := func() {
		if len(lines) > 0 {
			send(strings.Join(lines, "\n"))
			lines = lines[:0]
		}
	}
	for line, err := range d.Lines() {
		if err != nil {
			return err
		}
		if lines = append(lines, line); len(lines) == limit {
			flush()
		}
	}
	flush()
	return nil
}

// HandlePack serves a request to synchronise: theirs is the hash of the server
// that asks. equal tells that it has the same already, and then there are no
// lines. Each line makes a message, and an empty message follows the last one.
func (d *Directory) HandlePack(theirs []byte) (lines iter.Seq2[string, error], equal bool) {
	ours := d.Hash()
	if bytes.Equal(theirs, ours[:]) {
		return func(func(string, error) bool) {}, true
	}
	return d.Lines(), false
}

// Merge stores the JWTs of a message whose lines are "key|jwt", as SaveNewer
// does. A line that is wrong does not keep the others from being stored; the
// error is about the first one.
func (d *Directory) Merge(message string) error {
	var first error
	for line := range strings.SplitSeq(message, "\n") {
		if line == "" {
			continue
		}
		if err := d.mergeLine(line); err != nil && first == nil {
			first = err
		}
	}
	return first
}

func (d *Directory) mergeLine(line string) error {
	key, text, ok := strings.Cut(line, "|")
	if !ok || strings.Contains(text, "|") {
		return fmt.Errorf("line in package didn't contain 2 entries: %q", shorten(line))
	}
	if !isAccount(key) {
		return errors.New("key to merge is not a valid public account key")
	}
	return d.SaveNewer(key, text)
}

// shorten keeps what a stranger sent from filling the log.
func shorten(text string) string {
	const limit = 100
	if len(text) <= limit {
		return text
	}
	return text[:limit] + "..."
}
