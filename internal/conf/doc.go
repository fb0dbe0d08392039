// Package conf reads the configuration language of godwit: JSON, made
// pleasant for people. Keys need no quotes, separators may be '=', ':' or
// white space, commas and semicolons are optional at the end of a line, and
// comments begin with '#' or '//'.
//
//	port: 4222
//	TEAM = { permissions: { subscribe: ["orders.>"] } }   # a definition
//	accounts {
//	  include "accounts.conf"
//	  SHOP { users = [ $TEAM ] }
//	}
//
// The life of a configuration is short: ParseFile reads the text and
// everything it includes and returns a Map, the tree of its entries. Variables
// are replaced while reading, so the tree holds only values. A variable is
// looked up in the maps around it, the innermost first, among the entries that
// stand before it; after that in the Environment the caller passed, whose texts
// are read as values themselves. An included file is read on its own: it sees
// its own entries and the environment, not those of the file around it.
//
// Every entry and value knows where it stands. Columns count bytes: from 0 on
// the first line of a file and from 1 on all others, which is what operators'
// tools expect of this language. The position of a map or an array that is an
// element of an array is the one just behind its closing bracket; Map.Pos is
// where it opens.
//
// Reading is bounded on all sides: the size of a file and of all files
// together, the number of includes, their depth, the depth of nesting, and the
// size of the tree once variables are replaced. Passing a limit is an error
// like any other. A text whose first error is of syntax gives
//
//	Parse error on line N: '…'
//
// The functions here keep no state between calls and may run in any number of
// goroutines. A returned Map belongs to the caller; two variables that name the
// same map share it, so treat the tree as read-only.
//
// This package knows no option of the server, never looks at the process
// environment by itself, writes nothing and logs nothing.
package conf
