package logging

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

// Writer is a logger that writes lines to an io.Writer.
type Writer struct {
	printer
}

// NewStd returns a logger that writes to standard error, in colour if that is a
// terminal.
func NewStd(opts Options) *Writer {
	return NewWriter(os.Stderr, isTerminal(os.Stderr), opts)
}

// NewWriter returns a logger that writes each line with one call of out.Write,
// never two at a time. colour marks the levels with terminal colours.
func NewWriter(out io.Writer, colour bool, opts Options) *Writer {
	w := &Writer{}
	w.layout = newLayout(opts, colour)
	w.complaints.onError = opts.OnError
	w.complaints.now = w.now
	w.put = func(line []byte) (int, error) {
		n, err := out.Write(line)
		if err == nil && n < len(line) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return n, fmt.Errorf("write log: %w", err)
		}
		return n, nil
	}
	w.written = func() {}
	w.flush = func() error { return nil }
	return w
}

// isTerminal reports whether colours make sense on f. The null device is a
// character device too, and the consoles of Windows may not know the sequences.
func isTerminal(f *os.File) bool {
	if runtime.GOOS == "windows" {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
