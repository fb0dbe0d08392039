package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/godwit-mq/godwit/internal/store/fsck"
	"github.com/godwit-mq/godwit/internal/vfs"
)

const fsckUsage = `Usage: godwit fsck --store-dir <dir> [options]

Checks the store in <dir>/godwit: journal, catalog, each stream and consumer, and each
message. The server must be stopped. Nothing is changed.

    --store-dir <dir>   store directory of the server
    --json              print the report as JSON

Exit codes: 0 clean; 1 it cannot be checked; 2 there is damage, as listed.
`

const (
	exitUnchecked = 1
	exitUnclean   = 2
)

// runFsck is the command fsck.
func runFsck(self string, args []string, stdout, stderr io.Writer) int {
	var o fsck.Options
	flags := flag.NewFlagSet("fsck", flag.ContinueOnError)
	flags.StringVar(&o.StoreDir, "store-dir", "", "")
	asJSON := flags.Bool("json", false, "")
	if code, err := parseCommand(flags, fsckUsage, args, stdout, stderr, exitUnchecked); err != nil {
		return code
	}
	if o.StoreDir == "" {
		return badCommand(errors.New("--store-dir is needed"), fsckUsage, stderr, exitUnchecked)
	}
	report, err := fsck.Check(vfs.OS, o)
	if err == nil && *asJSON {
		err = report.WriteJSON(stdout)
	} else if err == nil {
		err = report.WriteText(stdout)
	}
	switch {
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v\n", self, err)
		return exitUnchecked
	case !report.Clean():
		return exitUnclean
	}
	return 0
}
