package logging

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func newTestFile(t *testing.T, path string, opts FileOptions) *File {
	t.Helper()
	f, err := NewFile(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// names returns the names of the files in a directory, the oldest backup first
// behind the log file itself.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
	}
	return found
}

// Go: TestFileLogger logger/log_test.go:104
func TestFileAppendsLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "godwit-log_1")
	if err := os.WriteFile(path, []byte("from before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	logger := newTestFile(t, path, FileOptions{Options: plain})
	logger.Noticef("foo")
	if got := content(t, path); got != "from before\n[INF] foo\n" {
		t.Errorf("file has %q", got)
	}

	path = filepath.Join(t.TempDir(), "godwit-log_2")
	logger = newTestFile(t, path, FileOptions{Options: Options{Debug: true}})
	logger.Errorf("foo")
	form := regexp.MustCompile(fmt.Sprintf(`^\[%d\] \d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{6} \[ERR\] foo\n$`, os.Getpid()))
	if got := content(t, path); !form.MatchString(got) {
		t.Errorf("file has %q", got)
	}
}

// Go: TestFileLoggerSizeLimit logger/log_test.go:166
func TestSizeLimitRotates(t *testing.T) {
	t.Run("only files have limits", func(t *testing.T) {
		type limited interface{ SetLimits(int64, int) error }
		if _, ok := any(NewStd(plain)).(limited); ok {
			t.Error("the logger of standard error has a size limit")
		}
		if _, ok := any(&File{}).(limited); !ok {
			t.Error("the file logger has no size limit")
		}
	})

	t.Run("set from the start", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		logger := newTestFile(t, path, FileOptions{SizeLimit: 1000})
		for range 50 {
			logger.Noticef("This is a line in the log file")
		}
		checkRotated(t, path)
	})

	t.Run("set below the current size", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		logger := newTestFile(t, path, FileOptions{})
		for i := range 50 {
			logger.Noticef("This is line %d in the log file", i)
		}
		if got := names(t, filepath.Dir(path)); len(got) != 1 {
			t.Fatalf("rotated without a limit: %q", got)
		}
		if err := logger.SetLimits(1000, 0); err != nil {
			t.Fatal(err)
		}
		checkRotated(t, path)
	})

	t.Run("failure postpones it", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "log")
		logger := newTestFile(t, path, FileOptions{Options: plain, SizeLimit: 1000})
		logger.rename = func(string, string) error { return errors.New("on purpose") }
		logger.Noticef("first %s", strings.Repeat("x", 1000))
		logger.Noticef("second")
		if got := names(t, filepath.Dir(path)); len(got) != 1 {
			t.Fatalf("files %q after a failed rotation", got)
		}
		logger.rename = os.Rename
		logger.Noticef("third %s", strings.Repeat("x", 2000))

		backup := content(t, checkRotated(t, path))
		for _, want := range []string{"[INF] first", "[INF] second", "[INF] third",
			"[ERR] Unable to rotate log file: on purpose. Next attempt at size 2000\n"} {
			if strings.Count(backup, want) != 1 {
				t.Errorf("not once in the backup: %q", want)
			}
		}
		// The limit itself is what it was.
		logger.Noticef("fourth %s", strings.Repeat("x", 1000))
		if got := names(t, filepath.Dir(path)); len(got) != 3 {
			t.Errorf("files %q after the next 1000 bytes", got)
		}
	})
}

// checkRotated checks that the log begins with the name of the newest backup,
// and returns the path of that.
func checkRotated(t *testing.T, path string) string {
	t.Helper()
	files := names(t, filepath.Dir(path))
	newest := filepath.Join(filepath.Dir(path), files[len(files)-1])
	form := regexp.MustCompile(`^` + regexp.QuoteMeta(path) + `\.\d{4}\.\d\d\.\d\d\.\d\d\.\d\d\.\d\d\.\d{9}$`)
	if !form.MatchString(newest) {
		t.Fatalf("backup %q does not have the form of a backup's name", newest)
	}
	first, _, _ := strings.Cut(content(t, path), "\n")
	if want := fmt.Sprintf("[INF] Rotated log, backup saved as %q", newest); !strings.HasSuffix(first, want) {
		t.Fatalf("the log begins with %q, want %q", first, want)
	}
	return newest
}

func TestBackupIsNamedByTheClock(t *testing.T) {
	moment := time.Date(2026, 2, 3, 4, 5, 6, 781, time.FixedZone("east", 2*3600))
	for _, test := range []struct {
		utc  bool
		want string
	}{{false, "log.2026.02.03.04.05.06.000000781"}, {true, "log.2026.02.03.02.05.06.000000781"}} {
		opts := FileOptions{SizeLimit: 100, Options: Options{UTC: test.utc, Now: func() time.Time { return moment }}}
		path := filepath.Join(t.TempDir(), "log")
		logger := newTestFile(t, path, opts)
		long := strings.Repeat("x", 200)
		logger.Noticef("%s", long)
		logger.Noticef("%s", long)
		// The clock stood still between the two: neither backup may replace the other.
		got := names(t, filepath.Dir(path))
		if len(got) != 3 || got[1] != test.want || got[2] != strings.TrimSuffix(test.want, "1")+"2" {
			t.Errorf("files %q, want %q and one nanosecond later", got, test.want)
		}
	}
}

func TestMaxFilesRemovesTheOldestBackups(t *testing.T) {
	for _, test := range []struct{ maxFiles, want int }{{0, 9}, {-42, 9}, {1, 1}, {2, 2}, {5, 5}, {100, 9}} {
		t.Run(fmt.Sprint(test.maxFiles), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log")
			now := time.Unix(1000, 0)
			opts := FileOptions{SizeLimit: 100, MaxFiles: test.maxFiles}
			opts.Now = func() time.Time { return now }
			logger := newTestFile(t, path, opts)
			for i := range 8 {
				now = now.Add(time.Second)
				logger.Noticef("line %d %s", i, strings.Repeat("x", 100))
			}
			got := names(t, filepath.Dir(path))
			if len(got) != test.want {
				t.Fatalf("%d files, want %d: %q", len(got), test.want, got)
			}
			for i, name := range got[1:] {
				kept := fmt.Sprintf("line %d ", 8-len(got[1:])+i)
				if !strings.Contains(content(t, filepath.Join(filepath.Dir(path), name)), kept) {
					t.Errorf("%s does not hold %q", name, kept)
				}
			}
		})
	}
}

func TestPurgeGoesOnAfterAFailure(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "log")
	for _, year := range []string{"2020", "2021"} {
		if err := os.WriteFile(path+"."+year+".01.01.00.00.00.000000001", nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	logger := newTestFile(t, path, FileOptions{Options: plain, SizeLimit: 100, MaxFiles: 1})
	logger.remove = func(name string) error {
		if strings.Contains(name, ".2020.") {
			return errors.New("on purpose")
		}
		return os.Remove(name)
	}
	logger.Noticef("%s", strings.Repeat("x", 200))
	if got := names(t, dir); len(got) != 2 || !strings.HasPrefix(got[1], "log.2020.") {
		t.Errorf("files %q, want the log and the backup that cannot be removed", got)
	}
	if got := content(t, path); !strings.Contains(got, "[ERR] Unable to remove old log file: on purpose\n") {
		t.Errorf("the log does not tell: %q", got)
	}

	logger.remove = os.Remove
	logger.Noticef("%s", strings.Repeat("x", 200))
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("files %q after the next rotation", got)
	}
}

func TestPurgeLeavesOtherFilesAlone(t *testing.T) {
	dir := t.TempDir()
	others := []string{
		"log.bak", "log.2026.01.01", "log.2026.01.01.00.00.00.000000001.gz", "log.2026.13.01.00.00.00.000000001",
		"log2.2026.01.01.00.00.00.000000001", "2026.01.01.00.00.00.000000001", "log.2026.01.01.00.00.00.1",
	}
	for _, name := range append(others, "log.2020.01.01.00.00.00.000000001", "log.2021.01.01.00.00.00.000000001") {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "log.2019.01.01.00.00.00.000000001"), 0o700); err != nil {
		t.Fatal(err)
	}
	logger := newTestFile(t, filepath.Join(dir, "log"), FileOptions{Options: plain, SizeLimit: 100, MaxFiles: 2})
	logger.Noticef("%s", strings.Repeat("x", 200))

	for _, name := range append(others, "log.2019.01.01.00.00.00.000000001") {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	log := content(t, filepath.Join(dir, "log"))
	for _, year := range []string{"2020", "2021"} {
		purged := filepath.Join(dir, "log."+year+".01.01.00.00.00.000000001")
		if _, err := os.Stat(purged); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", purged, err)
		}
		if want := fmt.Sprintf("[INF] Purged log file %q\n", purged); !strings.Contains(log, want) {
			t.Errorf("log %q does not say %q", log, want)
		}
	}
}

// Nothing that was logged is lost by rotation, whatever the sizes.
func TestRotationKeepsEveryLineInOrder(t *testing.T) {
	base := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		dir := filepath.Join(base, fmt.Sprint(run))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		now := time.Unix(1000, 0)
		opts := FileOptions{Options: plain, SizeLimit: rapid.Int64Range(1, 400).Draw(t, "limit")}
		opts.Now = func() time.Time { return now }
		path := filepath.Join(dir, "log")
		logger, err := NewFile(path, opts)
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for i, size := range rapid.SliceOfN(rapid.IntRange(0, 300), 0, 30).Draw(t, "sizes") {
			now = now.Add(time.Duration(size) * time.Microsecond)
			line := fmt.Sprintf("%d %s", i, strings.Repeat("x", size))
			logger.Noticef("%s", line)
			fmt.Fprintf(&want, "[INF] %s\n", line)
		}
		if err := logger.Close(); err != nil {
			t.Fatal(err)
		}
		backups, err := logger.backups()
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for _, file := range append(backups, path) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(b)) {
				if !strings.HasPrefix(line, "[INF] Rotated log, backup saved as ") {
					got.WriteString(line)
				}
			}
		}
		if got.String() != want.String() {
			t.Fatalf("files hold %q, want %q", got.String(), want.String())
		}
	})
}

func TestReopenFollowsARename(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be renamed on Windows")
	}
	path := filepath.Join(t.TempDir(), "log")
	logger := newTestFile(t, path, FileOptions{Options: plain})
	logger.Noticef("one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	logger.Noticef("two")
	if err := logger.Reopen(); err != nil {
		t.Fatal(err)
	}
	logger.Noticef("three")
	if got := content(t, path+".1"); got != "[INF] one\n[INF] two\n" {
		t.Errorf("renamed file has %q", got)
	}
	if got := content(t, path); got != "[INF] three\n" {
		t.Errorf("new file has %q", got)
	}
}

func TestFailedReopenKeepsTheFile(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be renamed on Windows")
	}
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	logger := newTestFile(t, filepath.Join(dir, "log"), FileOptions{Options: plain})
	if err := os.Rename(dir, dir+"2"); err != nil {
		t.Fatal(err)
	}
	if err := logger.Reopen(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reopen = %v", err)
	}
	logger.Noticef("still here")
	if got := content(t, filepath.Join(dir+"2", "log")); got != "[INF] still here\n" {
		t.Errorf("file has %q", got)
	}
	if logger.Lost() != 0 {
		t.Errorf("Lost = %d", logger.Lost())
	}
}

func TestFileThatIsGoneComesBack(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("open files cannot be renamed on Windows")
	}
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1000, 0)
	var told []error
	opts := FileOptions{Options: plain, SizeLimit: 100}
	opts.Now = func() time.Time { return now }
	opts.OnError = func(err error) { told = append(told, err) }
	path := filepath.Join(dir, "log")
	logger := newTestFile(t, path, opts)
	if err := os.Rename(dir, dir+"2"); err != nil {
		t.Fatal(err)
	}

	logger.Noticef("%s", strings.Repeat("x", 200)) // written, then neither renamed nor reopened
	if len(told) != 1 || !errors.Is(told[0], fs.ErrNotExist) {
		t.Fatalf("OnError got %v", told)
	}
	logger.Noticef("lost")
	if logger.Lost() != 1 {
		t.Fatalf("Lost = %d, want 1", logger.Lost())
	}
	if err := os.Rename(dir+"2", dir); err != nil {
		t.Fatal(err)
	}
	logger.Noticef("lost too: it is too early for another attempt")
	now = now.Add(reopenInterval)
	logger.Noticef("back")

	// The loss is told in the file as it was found, which was too large already.
	files := names(t, dir)
	if len(files) != 2 {
		t.Fatalf("files %q", files)
	}
	all := content(t, filepath.Join(dir, files[1])) + content(t, path)
	if !strings.Contains(all, "[ERR] 2 log lines are missing here: open log file: ") || !strings.Contains(all, "[INF] back\n") {
		t.Errorf("files hold %q", all)
	}
	if logger.Lost() != 2 {
		t.Errorf("Lost = %d, want 2", logger.Lost())
	}
}

// lostFile returns a logger whose file could not be opened again after a
// rotation, and a function that brings the directory back.
func lostFile(t *testing.T) (logger *File, path string, back func()) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("directories of open files cannot be renamed on Windows")
	}
	dir := filepath.Join(t.TempDir(), "dir")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "log")
	opts := FileOptions{Options: plain, SizeLimit: 100}
	opts.OnError = func(error) {}
	logger = newTestFile(t, path, opts)
	move := func(from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	move(dir, dir+"2")
	logger.Noticef("%s", strings.Repeat("x", 200))
	return logger, path, func() { move(dir+"2", dir) }
}

func TestReopenBringsALostFileBack(t *testing.T) {
	logger, path, back := lostFile(t)
	if err := logger.Reopen(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Reopen = %v", err)
	}
	back()
	if err := logger.Reopen(); err != nil {
		t.Fatal(err)
	}
	logger.Noticef("back")
	if got := names(t, filepath.Dir(path)); len(got) != 2 {
		t.Errorf("files %q: the file was too large and had to be rotated", got)
	}
	if logger.Lost() != 0 {
		t.Errorf("Lost = %d", logger.Lost())
	}
}

func TestCloseTellsThatTheFileWasLost(t *testing.T) {
	logger, _, _ := lostFile(t)
	if err := logger.Close(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Close = %v", err)
	}
}

func TestCloseEndsTheFile(t *testing.T) {
	var told error
	opts := FileOptions{Options: plain}
	opts.OnError = func(err error) { told = err }
	path := filepath.Join(t.TempDir(), "log")
	logger := newTestFile(t, path, opts)
	logger.Fatalf("the end")
	for range 2 {
		if err := logger.Close(); err != nil {
			t.Fatal(err)
		}
	}
	logger.Noticef("too late")
	if !errors.Is(told, os.ErrClosed) || logger.Lost() != 1 {
		t.Errorf("OnError got %v, Lost = %d", told, logger.Lost())
	}
	if err := logger.Reopen(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Reopen = %v", err)
	}
	if err := logger.SetLimits(1, 1); err != nil {
		t.Errorf("SetLimits = %v", err)
	}
	if got := content(t, path); got != "[FTL] the end\n" {
		t.Errorf("file has %q", got)
	}
}

func TestFileThatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	if _, err := NewFile(filepath.Join(dir, "missing", "log"), FileOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in a missing directory: %v", err)
	}
	if _, err := NewFile(dir, FileOptions{}); err == nil {
		t.Error("a directory was opened as log file")
	}
}

func TestRotationFailuresDoNotOverflow(t *testing.T) {
	for _, test := range []struct{ size, want int64 }{{1, 2}, {1 << 61, 1 << 62}, {1 << 62, 1<<63 - 1}, {1<<63 - 1, 1<<63 - 1}} {
		if got := double(test.size); got != test.want {
			t.Errorf("double(%d) = %d, want %d", test.size, got, test.want)
		}
	}
}
