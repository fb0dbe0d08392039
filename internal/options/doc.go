// Package options holds what a server can be told, and reads it from
// configuration files and command lines.
//
// [Options] is one flat struct. The zero value is usable: [Options.SetDefaults]
// fills in what was not said and [Options.Validate] finds what cannot be served.
// Both are called by the server on a copy ([Options.Clone]), never on the
// caller's struct.
//
// [ProcessConfigFile] reads a file. Every key is looked up in one of three
// places: keys that are read (topKeys), keys that are known but not read yet
// (unsupportedKeys, of which at least the names inside are checked), and the
// rest, which is unknown. A key whose feature does not exist yet is refused with
// its position, unless it asks for nothing. No key is accepted and ignored. All
// faults of a file are collected and reported together ([ConfigErrors]), each as
// "file:line:col: text". What is only suspicious becomes a warning
// (Options.ConfigWarnings).
//
// What depends on several keys is checked at the end, so that the order of a
// file does not matter: the exports and imports of all accounts are brought
// together (join), duplicates of users are looked for, and a single operator
// fills in what the file left out. Options made in code get the same checks from
// Validate.
//
// [ConfigureOptions] reads a command line. Flags take precedence over the file
// that they name, also when the file is read again later; they are remembered in
// the options, not in a global variable ([Options.Reread]).
//
// The package reads files but opens nothing else, starts no goroutines and never
// ends the process.
package options
