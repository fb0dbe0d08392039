// Package transform rewrites subjects: it turns one subject into another by a
// rule, and chooses among such rules by weight.
//
// # A transform
//
// A [Transform] is a pair of subjects. The source is a pattern and says which
// subjects are rewritten; the destination says into what. A token of the
// destination is one of
//
//	text         stands for itself
//	$2           the token under the second '*' of the source
//	{{f(...)}}   the result of a function of such tokens, see below
//	>            last only, and only if the source ends so: what '>' stood for
//
// So "orders.*.*" to "o.$2.{{partition(3,1)}}" turns "orders.eu.7" into "o.7."
// and the number of one of three partitions, always the same for "eu". An empty
// source means ">", an empty destination leaves the subject as it is.
//
//	{{wildcard(i)}}           as $i
//	{{partition(n,i,...)}}    0 to n-1: FNV-1a of the tokens i,... put together;
//	                          0 as an i is the first token of the subject
//	{{partition(n)}}          0 to n-1: FNV-1a of the whole subject
//	{{random(n)}}             0 to n-1, drawn anew each time
//	{{left(i,n)}}             the first n bytes of token i
//	{{right(i,n)}}            the last n bytes
//	{{splitfromleft(i,n)}}    cut in two tokens behind the first n bytes
//	{{splitfromright(i,n)}}   cut in two tokens before the last n bytes
//	{{slicefromleft(i,n)}}    cut in tokens of n bytes, a remainder last
//	{{slicefromright(i,n)}}   cut in tokens of n bytes, a remainder first
//	{{split(i,d)}}            cut in tokens at each d, or at each character if d
//	                          is empty
//
// A name may be written with capitals at its words (SplitFromLeft). A function
// of one token leaves it alone if it is too short, if n is not positive, and if
// the result would hold an empty or a wildcard token. So a valid subject always
// becomes a valid subject, and a literal one stays literal.
//
// [NewStrict] makes the transforms of imports, which must work both ways: they
// know wildcard only and place each '*' exactly once. [Transform.Reverse] turns
// them round.
//
// # A mapping
//
// A [Mapping] is a source with several destinations, each with a percentage and
// perhaps for the servers of one cluster only. [Mapping.Choose] draws one. What
// the percentages leave over stays as it is, unless the source is one of its
// own destinations: then the rest is lost, on purpose, to try out how clients
// bear it.
//
// [Mappings] is the set of mappings of an account and finds the one for a
// subject. Where several match, the most specific decides: sources are compared
// token by token from the left, and text beats '*', which beats '>'. Two
// different sources that match one subject are never alike in this, so the
// order in which they were given does not matter.
//
// # Use
//
// Everything is made once, by functions that report every mistake as an error,
// and never changed: all of it may be used from any goroutine. Applying costs
// no allocation beyond the result, none at all with the Append functions. There
// is no state between calls; the one thing that is not a function of the
// arguments is chance, and it comes from a function that the caller may give.
//
// The package never looks at permissions and never applies a result again:
// which messages are mapped, and when, is the business of the broker.
package transform
