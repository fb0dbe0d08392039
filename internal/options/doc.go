// Package options holds what a server can be told, and reads it from
// configuration files and command lines.
//
// [Options] is one flat struct. The zero value is usable: [Options.SetDefaults]
// fills in what was not said and [Options.Validate] finds what cannot be served.
// Both are called by the server on a copy ([Options.Clone]), never on the
// caller's struct.
//
// [ProcessConfigFile] reads a file. Every key is looked up in one of three
// places: keys that take effect (topKeys), keys that are known but whose feature
// does not exist yet (unsupportedKeys), and the rest, which is unknown. A known
// key of a missing feature is refused with its position, unless it asks for
// nothing; no key is accepted and ignored. All faults of a file are collected
// and reported together ([ConfigErrors]), each as "file:line:col: text". What is
// only suspicious becomes a warning (Options.ConfigWarnings).
//
// [ConfigureOptions] reads a command line. Flags take precedence over the file
// that they name, also when the file is read again later; they are remembered in
// the options, not in a global variable ([Options.Reread]).
//
// The package reads files but opens nothing else, starts no goroutines and never
// ends the process.
package options
