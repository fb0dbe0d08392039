package api

// How many entries one answer has, at most.
const (
	NamesPage    = 1024
	ListPage     = 256
	SubjectsPage = 100_000
)

// NewPage is the page of a list with total entries that begins at offset; a
// negative one is 0, and one beyond the end is the end. The entries are those from
// Offset up to End.
func NewPage(total, offset, limit int) Page {
	total = max(total, 0)
	return Page{Total: total, Offset: min(max(offset, 0), total), Limit: max(limit, 0)}
}

// End is the index behind the last entry of the page.
func (p Page) End() int {
	if p.Limit < p.Total-p.Offset {
		return p.Offset + p.Limit
	}
	return p.Total
}
