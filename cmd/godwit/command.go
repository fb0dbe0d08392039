package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
)

// A command does something else than running a server, with the arguments behind its
// name, and returns the exit code. self is the name of the program.
type command func(self string, args []string, stdout, stderr io.Writer) int

// commands are known as the first argument only.
var commands = map[string]command{"migrate": runMigrate, "fsck": runFsck}

// commandUsage follows the usage of the server.
const commandUsage = `
Commands (each has a -help of its own):
    godwit migrate --from <dir> --to <dir>   take over what nats-server stored
    godwit fsck --store-dir <dir>            check the store of a server that is stopped
`

// parseCommand reads the flags of a command. Without a nil error the command ends with the
// exit code; bad is that of a bad command line.
func parseCommand(flags *flag.FlagSet, usage string, args []string, stdout, stderr io.Writer, bad int) (code int, err error) {
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	err = flags.Parse(args)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument: %q", flags.Arg(0))
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0, err
	case err != nil:
		return badCommand(err, usage, stderr, bad), err
	}
	return 0, nil
}

func badCommand(err error, usage string, stderr io.Writer, bad int) int {
	fmt.Fprintf(stderr, "%v\n\n%s", err, usage)
	return bad
}

// realPath follows the symbolic links in a path as far as it exists, so that two paths can
// be compared.
func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	rest := ""
	for dir := path; ; dir = filepath.Dir(dir) {
		real, err := filepath.EvalSymlinks(dir)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if filepath.Dir(dir) == dir {
			return path, nil
		}
		rest = filepath.Join(filepath.Base(dir), rest)
	}
}
