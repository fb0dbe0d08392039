package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// backupStamp is what follows "<file>." in the name of a backup. It sorts by time.
const backupStamp = "2006.01.02.15.04.05.000000000"

// rotateIfDue renames the file if it is larger than it may be, and begins a new
// one. printer.mu is held.
func (f *File) rotateIfDue() {
	if f.file == nil || f.nextSize == 0 || f.size <= f.nextSize {
		return
	}
	backup, err := f.rotate()
	if f.file == nil {
		// The next line finds out whether the file can be opened again.
		f.complaints.report(err)
		return
	}
	if err != nil {
		f.nextSize = double(f.nextSize)
		f.note(Error, "Unable to rotate log file: %v. Next attempt at size %d", err, f.nextSize)
		return
	}
	f.nextSize = f.limit
	f.note(Notice, "Rotated log, backup saved as %q", backup)
	f.purge()
}

// rotate closes, renames and reopens, in this order because Windows does not
// rename open files. After an error the file may be nil; if it is not, it is
// the file from before, still in its place.
func (f *File) rotate() (backup string, err error) {
	backup, err = f.freeBackupName()
	if err != nil {
		return "", err
	}
	file := f.file
	f.file = nil
	err = file.Close()
	if err == nil {
		err = f.rename(f.path, backup)
	}
	return backup, errors.Join(err, f.open())
}

// freeBackupName returns a name for the backup that no file has. Clocks with
// coarse ticks may give the same time twice.
func (f *File) freeBackupName() (string, error) {
	moment := f.moment()
	for range 1000 {
		name := f.path + "." + moment.Format(backupStamp)
		_, err := os.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
		if err != nil {
			return "", fmt.Errorf("find a name for the backup: %w", err)
		}
		moment = moment.Add(time.Nanosecond)
	}
	return "", fmt.Errorf("no free name for the backup near %s.%s", f.path, moment.Format(backupStamp))
}

// purge removes the oldest backups until no more than maxFiles files are left,
// the current one counted.
func (f *File) purge() {
	if f.maxFiles == 0 {
		return
	}
	backups, err := f.backups()
	if err != nil {
		f.note(Error, "Unable to list old log files: %v", err)
		return
	}
	surplus := len(backups) - (f.maxFiles - 1)
	for _, name := range backups[:max(surplus, 0)] {
		if err := f.remove(name); err != nil {
			f.note(Error, "Unable to remove old log file: %v", err)
			continue
		}
		f.note(Notice, "Purged log file %q", name)
	}
}

// backups returns the paths of the file's backups, the oldest first. Other
// files that merely begin with the same name are none of them.
func (f *File) backups() ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(f.path))
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range entries {
		stamp, ok := strings.CutPrefix(entry.Name(), filepath.Base(f.path)+".")
		if !ok || entry.IsDir() || !isBackupStamp(stamp) {
			continue
		}
		paths = append(paths, filepath.Join(filepath.Dir(f.path), entry.Name()))
	}
	slices.Sort(paths)
	return paths, nil
}

func isBackupStamp(stamp string) bool {
	moment, err := time.Parse(backupStamp, stamp)
	return err == nil && moment.Format(backupStamp) == stamp
}

// note writes a line about the log file itself into it.
func (f *File) note(level Level, format string, args ...any) {
	if err := f.writeLine(level, oneLine(fmt.Sprintf(format, args...))); err != nil {
		f.lose(err)
	}
}

func double(size int64) int64 {
	if size > math.MaxInt64/2 {
		return math.MaxInt64
	}
	return 2 * size
}
