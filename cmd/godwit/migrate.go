package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/store/migrate"
	"github.com/godwit-mq/godwit/internal/vfs"
)

const migrateUsage = `Usage: godwit migrate --from <dir> --to <dir> [options]

Reads what nats-server (2.10 to 2.15) stored and writes a new store, <to>/godwit.
The source is not changed, and no server may be running on it.

    --from <dir>       store directory of nats-server, or the directory jetstream in it
    --to <dir>         store directory of the new server; must not hold a store yet
    --key <key>        encryption key of the source
    --prev-key <key>   the encryption key before it
    --strict           leave nothing behind if the source is damaged

The new store is not encrypted.

Exit codes: 0 migrated; 1 not migrated; 2 bad command line; 3 the source is damaged:
migrated but for what is listed, or not migrated with --strict.
`

const (
	exitFailed = 1
	exitUsage  = 2
	exitDamage = 3
)

// runMigrate is the command migrate.
func runMigrate(self string, args []string, stdout, stderr io.Writer) int {
	var o migrate.Options
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.StringVar(&o.From, "from", "", "")
	flags.StringVar(&o.To, "to", "", "")
	flags.StringVar(&o.Key, "key", "", "")
	flags.StringVar(&o.PreviousKey, "prev-key", "", "")
	flags.BoolVar(&o.Strict, "strict", false, "")
	if code, err := parseCommand(flags, migrateUsage, args, stdout, stderr, exitUsage); err != nil {
		return code
	}
	if o.From == "" || o.To == "" {
		return badCommand(errors.New("--from and --to are needed"), migrateUsage, stderr, exitUsage)
	}
	say := func(format string, args ...any) { fmt.Fprintf(stderr, self+": "+format+"\n", args...) }
	for _, path := range []*string{&o.From, &o.To} {
		real, err := realPath(*path)
		if err != nil {
			say("%v", err)
			return exitFailed
		}
		*path = real
	}
	if o.Key != "" {
		say("the source may be encrypted; the new store is not")
	}
	o.OnProgress = func(line string) { say("%s", line) }
	o.OnProblem = func(p legacy.Problem) { say("%v", p) }
	report, err := migrate.Run(vfs.OS, o)
	switch {
	case errors.Is(err, migrate.ErrDamage):
		say("not migrated: damage as listed")
		return exitDamage
	case err != nil:
		say("not migrated: %v", err)
		return exitFailed
	}
	summarize(stdout, report)
	fmt.Fprintf(stdout, "%s: %d streams, verified\n", filepath.Join(o.To, migrate.StoreDir), len(report.Streams))
	if report.Damaged() {
		say("migrated, with damage as listed")
		return exitDamage
	}
	return 0
}

// summarize prints what was migrated.
func summarize(w io.Writer, r migrate.Report) {
	for _, s := range r.Streams {
		fmt.Fprintf(w, "stream %s > %s: %d messages, %d bytes, first %d, last %d, %d consumers", s.Account, s.Name, s.Messages, s.Bytes, s.First, s.Last, s.Consumers)
		if s.LeftOut > 0 {
			fmt.Fprintf(w, "; %d messages left out that the source counts as gone", s.LeftOut)
		}
		fmt.Fprintln(w)
	}
	if r.Untold > 0 {
		fmt.Fprintf(w, "%d more problems are not listed\n", r.Untold)
	}
}
