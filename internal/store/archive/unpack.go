package archive

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/godwit-mq/godwit/internal/vfs"
)

const (
	filesMax   = 1 << 20
	trailerLen = 1024 // bytes, two empty headers
	paddingMax = 1 << 20
	copyLen    = 128 << 10
	failureMax = 4 << 10
)

// An unpacker writes the files of a Tar archive to a directory.
type unpacker struct {
	in    counter
	fsys  vfs.FS
	dir   string
	limit int64 // bytes of files that may still come
	buf   []byte
	made  string // the directory that was used last
}

// A counter counts what is read from it.
type counter struct {
	r *bufio.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// unpack writes the files of a Tar archive to a directory. All that it holds is
// accounted for: it fails if anything is missing at its end.
func unpack(r *bufio.Reader, o Options) error {
	u := &unpacker{in: counter{r: r}, fsys: o.FS, dir: o.Dir, limit: o.Limits.Bytes, buf: make([]byte, copyLen)}
	if u.limit <= 0 {
		u.limit = math.MaxInt64
	}
	if err := u.fsys.MkdirAll(filepath.Join(u.dir, messagesDir)); err != nil {
		return err
	}
	files := tar.NewReader(&u.in)
	for range filesMax {
		before := u.in.n
		header, err := files.Next()
		if errors.Is(err, io.EOF) {
			return u.end(u.in.n - before)
		}
		if err != nil {
			return brokenTar(err)
		}
		if err := u.file(files, header); err != nil {
			return err
		}
	}
	return refuse(ErrLimit, "more than %d files", filesMax)
}

// brokenTar is broken for what package tar returns.
func brokenTar(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, tar.ErrFieldTooLong) {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return broken(err)
}

// end makes sure that the archive was not cut off behind a file: a reader of tar is
// content with that. What follows can be nothing but padding.
func (u *unpacker) end(trailer int64) error {
	if trailer < trailerLen {
		return broken(io.EOF)
	}
	for range paddingMax {
		b, err := u.in.r.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return broken(err)
		case b != 0:
			return fmt.Errorf("%w: data behind its end", ErrInvalid)
		}
	}
	return fmt.Errorf("%w: more than %d bytes of padding", ErrInvalid, paddingMax)
}

func (u *unpacker) file(content io.Reader, h *tar.Header) error {
	if h.Typeflag != tar.TypeReg || isSparse(h) || !filepath.IsLocal(h.Name) || strings.ContainsAny(h.Name, "\\\x00") {
		return refuse(ErrInvalid, "unexpected content %.256q", h.Name)
	}
	if h.Size > u.limit {
		return refuse(ErrLimit, "file %.256q has %d bytes, %d are left", h.Name, h.Size, u.limit)
	}
	u.limit -= h.Size
	if h.Name == failureFile {
		text, err := io.ReadAll(io.LimitReader(content, failureMax))
		if err != nil {
			return brokenTar(err)
		}
		return refuse(ErrDamaged, "the archive failed where it was made: %q", text)
	}
	if !isWanted(h.Name) {
		if _, err := io.Copy(io.Discard, content); err != nil {
			return brokenTar(err)
		}
		return nil
	}
	name := filepath.Join(u.dir, filepath.FromSlash(h.Name))
	if dir := filepath.Dir(name); dir != u.made {
		if err := u.fsys.MkdirAll(dir); err != nil {
			return err
		}
		u.made = dir
	}
	f, err := u.fsys.OpenFile(name, vfs.Create|vfs.Exclusive)
	if err != nil {
		return fmt.Errorf("unpack %.256q: %w", h.Name, err)
	}
	_, err = io.CopyBuffer(io.NewOffsetWriter(f, 0), content, u.buf)
	if err != nil {
		err = brokenTar(err)
	}
	return errors.Join(err, f.Close())
}

// isSparse reports whether a file has holes, which cost nothing in the archive.
func isSparse(h *tar.Header) bool {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// isWanted reports whether a file is one that a stream is read from. The names of
// those that are leave no way out of the directory.
func isWanted(name string) bool {
	parts := strings.Split(name, "/")
	switch {
	case len(parts) == 1:
		return name == metaFile || name == sumFile
	case len(parts) == 2 && parts[0] == messagesDir:
		number, isBlock := strings.CutSuffix(parts[1], blockSuffix)
		n, err := strconv.ParseUint(number, 10, 64)
		return parts[1] == indexFile || isBlock && err == nil && strconv.FormatUint(n, 10) == number
	case len(parts) == 3 && parts[0] == consumersDir && isName(parts[1]):
		return parts[2] == metaFile || parts[2] == sumFile || parts[2] == consumerFile
	}
	return false
}

// removeAll removes a directory and what is in it.
func removeAll(fsys vfs.FS, dir string) error {
	entries, err := fsys.ReadDir(dir)
	for _, e := range entries {
		path := filepath.Join(dir, e.Name)
		if e.Dir {
			err = errors.Join(err, removeAll(fsys, path))
		} else {
			err = errors.Join(err, fsys.Remove(path))
		}
	}
	return errors.Join(err, fsys.Remove(dir))
}
