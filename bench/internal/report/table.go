package report

import (
	"strings"
	"unicode/utf8"
)

// table is a grid of text. The first column is aligned left, the others right.
type table struct {
	header []string
	rows   [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) widths() []int {
	widths := make([]int, len(t.header))
	for _, row := range append([][]string{t.header}, t.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func (t *table) text() string {
	widths := t.widths()
	var b strings.Builder
	rule := make([]string, len(widths))
	for i, w := range widths {
		rule[i] = strings.Repeat("-", w)
	}
	for _, row := range append([][]string{t.header, rule}, t.rows...) {
		b.WriteString(strings.TrimRight(strings.Join(padded(row, widths), "  "), " ") + "\n")
	}
	return b.String()
}

func (t *table) markdown() string {
	widths := t.widths()
	var b strings.Builder
	rule := make([]string, len(widths))
	for i, w := range widths {
		rule[i] = strings.Repeat("-", max(w, 3)-1) + ":"
	}
	rule[0] = strings.Repeat("-", max(widths[0], 3))
	for _, row := range append([][]string{t.header, rule}, t.rows...) {
		b.WriteString("| " + strings.Join(padded(row, widths), " | ") + " |\n")
	}
	return b.String()
}

func padded(row []string, widths []int) []string {
	cells := make([]string, len(widths))
	for i, w := range widths {
		cell := ""
		if i < len(row) {
			cell = row[i]
		}
		fill := strings.Repeat(" ", max(0, w-utf8.RuneCountInString(cell)))
		if i == 0 {
			cells[i] = cell + fill
		} else {
			cells[i] = fill + cell
		}
	}
	return cells
}
