package legacy

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/godwit-mq/godwit/internal/store"
)

// ProblemsMax is the number of problems of one stream that are kept; more are only
// counted.
const ProblemsMax = 10_000

// Grade says how bad a problem is.
type Grade uint8

const (
	// Note is something that was left aside and that holds nothing: left-overs of what
	// was under way, unknown files.
	Note Grade = iota
	// Difference is that a cache says something else than the records.
	Difference
	// Doubtful is that something was read that may not be right.
	Doubtful
	// Damage is that something could not be read.
	Damage
)

func (g Grade) String() string {
	switch g {
	case Note:
		return "note"
	case Difference:
		return "difference"
	case Doubtful:
		return "doubtful"
	default:
		return "damage"
	}
}

// A Problem is one thing that is wrong, or worth knowing, in a directory.
type Problem struct {
	Grade Grade
	// File is its path.
	File string
	// Offset and Length, in bytes, are the stretch of the file: of a block those in its
	// decoded content, if it was compressed. Length is 0 if it is the file as a whole.
	Offset, Length int64
	// Err is the reason.
	Err error
	// Lost is the run of sequences in which the lost ones are. Those of it that have been
	// deleted before cannot always be told apart. Count is 0 if there are none, or
	// Unbounded is set.
	Lost store.Range
	// Unbounded says that the lost sequences begin with Lost.First, or are unknown if that
	// is 0, and that nothing tells where they end.
	Unbounded bool
}

// String is the problem in one line.
func (p Problem) String() string {
	text := fmt.Sprintf("%s: %s", p.Grade, p.File)
	if p.Length > 0 {
		text += fmt.Sprintf(" at %d, %d bytes", p.Offset, p.Length)
	}
	text += ": " + p.Err.Error()
	switch {
	case p.Unbounded && p.Lost.First > 0:
		text += fmt.Sprintf(" (sequences from %d)", p.Lost.First)
	case p.Lost.Count == 1:
		text += fmt.Sprintf(" (sequence %d)", p.Lost.First)
	case p.Lost.Count > 1:
		text += fmt.Sprintf(" (sequences %d to %d)", p.Lost.First, p.Lost.Last())
	}
	return text
}

// problems is a list that does not grow without end.
type problems struct {
	list    []Problem
	dropped int
}

func (p *problems) add(problem Problem) {
	if len(p.list) >= ProblemsMax {
		p.dropped++
		return
	}
	p.list = append(p.list, problem)
}

// sorted returns the list in the order of files and places; block 9 comes before block
// 10.
func (p *problems) sorted() []Problem {
	slices.SortStableFunc(p.list, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(len(a.File), len(b.File)), cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
	return p.list
}
