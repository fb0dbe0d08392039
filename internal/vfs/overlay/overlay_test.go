package overlay_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/godwit-mq/godwit/internal/vfs"
	"github.com/godwit-mq/godwit/internal/vfs/faulty"
	"github.com/godwit-mq/godwit/internal/vfs/overlay"
)

type failer interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func must(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree is all that a file system has below a directory: contents of files by path, and
// directories with a slash at the end.
func tree(t failer, fsys vfs.FS, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	list, err := fsys.ReadDir(dir)
	must(t, err)
	for _, e := range list {
		path := filepath.Join(dir, e.Name)
		if e.Dir {
			all[path+"/"] = ""
			for name, content := range tree(t, fsys, path) {
				all[name] = content
			}
			continue
		}
		content, err := vfs.ReadFile(fsys, path, 1<<30)
		must(t, err)
		if int64(len(content)) != e.Size {
			t.Fatalf("%s has %d bytes, listed with %d", path, len(content), e.Size)
		}
		all[path] = string(content)
	}
	return all
}

// filled is a disk with some files and directories.
func filled(t failer) *faulty.Disk {
	disk := faulty.New(1)
	for _, dir := range []string{"/s/a/deep", "/s/b", "/s/empty"} {
		must(t, disk.MkdirAll(dir))
	}
	for i, name := range []string{"/s/one", "/s/a/one", "/s/a/two", "/s/a/deep/one", "/s/b/two"} {
		must(t, vfs.WriteFile(disk, name, bytes.Repeat([]byte{byte('a' + i)}, 3000*(i+1))))
	}
	return disk
}

// TestAgreesWithADisk: random operations give the same on a view as on a disk with the
// same files, and the base of the view is as it was.
func TestAgreesWithADisk(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := filled(t)
		before := tree(t, base, "/s")
		model, view := base.Clone(1), overlay.New(base, 1<<30)
		operations := base.Operations()
		names := []string{"/s", "/s/one", "/s/two", "/s/a", "/s/a/one", "/s/a/two", "/s/a/deep", "/s/a/deep/one", "/s/b", "/s/b/two", "/s/c", "/s/c/x", "/s/empty"}
		name := rapid.SampledFrom(names)
		// What kind of failure it is, if it is one: those that are promised.
		kind := func(err error) string {
			for _, known := range []error{fs.ErrNotExist, fs.ErrExist} {
				if errors.Is(err, known) {
					return known.Error()
				}
			}
			return fmt.Sprint(err != nil)
		}
		both := func(what string, do func(vfs.FS) error) {
			t.Helper()
			want, got := do(model), do(view)
			if kind(want) != kind(got) {
				t.Fatalf("%s: %v on the disk, %v on the view", what, want, got)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				path := name.Draw(t, "name")
				mode := rapid.SampledFrom([]vfs.Mode{0, vfs.Create, vfs.Create | vfs.Exclusive, vfs.Truncate, vfs.ReadOnly}).Draw(t, "mode")
				off, n := rapid.Int64Range(0, 20000).Draw(t, "off"), rapid.IntRange(0, 9000).Draw(t, "n")
				data := bytes.Repeat([]byte{byte(rapid.IntRange(0, 3).Draw(t, "fill"))}, n)
				size := rapid.Int64Range(-1, 20000).Draw(t, "size")
				longer := rapid.Int64Range(0, 20000).Draw(t, "longer")
				both("write "+path, func(fsys vfs.FS) error {
					f, err := fsys.OpenFile(path, mode)
					if err != nil {
						return err
					}
					_, err = f.WriteAt(data, off)
					if size >= 0 {
						err = errors.Join(err, f.Truncate(size))
					}
					err = errors.Join(err, f.Preallocate(longer))
					return errors.Join(err, f.Close())
				})
			},
			"rename": func(t *rapid.T) {
				from, to := name.Draw(t, "from"), name.Draw(t, "to")
				info, err := model.Stat(from)
				if err == nil && info.Dir {
					// Of directories to free names only, as packages do.
					if _, err := model.Stat(to); err == nil || len(to) > len(from) && to[:len(from)] == from {
						return
					}
				}
				if from != "/s" && to != "/s" {
					both("rename "+from+" to "+to, func(fsys vfs.FS) error { return fsys.Rename(from, to) })
				}
			},
			"remove": func(t *rapid.T) {
				path := name.Draw(t, "name")
				both("remove "+path, func(fsys vfs.FS) error { return fsys.Remove(path) })
			},
			"mkdir": func(t *rapid.T) {
				path := name.Draw(t, "name")
				both("mkdir "+path, func(fsys vfs.FS) error { return fsys.MkdirAll(path) })
			},
			"look": func(t *rapid.T) {
				path := name.Draw(t, "name")
				both("stat "+path, func(fsys vfs.FS) error { _, err := fsys.Stat(path); return err })
				both("sync "+path, func(fsys vfs.FS) error { return fsys.SyncDir(path) })
				both("list "+path, func(fsys vfs.FS) error { _, err := fsys.ReadDir(path); return err })
			},
			"": func(t *rapid.T) {
				if _, err := model.Stat("/s"); err != nil {
					return
				}
				if diff := cmp.Diff(tree(t, model, "/s"), tree(t, view, "/s")); diff != "" {
					t.Fatalf("(-disk +view):\n%s", diff)
				}
			},
		})
		if base.Operations() != operations {
			t.Fatal("the base was changed")
		}
		if diff := cmp.Diff(before, tree(t, base, "/s")); diff != "" {
			t.Fatalf("the base is another one:\n%s", diff)
		}
	})
}

func TestRelativeNamesAreOthersThanAbsoluteOnes(t *testing.T) {
	disk := faulty.New(1) // takes both for the same
	must(t, disk.MkdirAll("dir"))
	view := overlay.New(disk, 1<<20)
	must(t, vfs.WriteFile(view, "dir/../dir/file", []byte("x")))
	if _, err := view.Stat("./dir/file"); err != nil {
		t.Error(err)
	}
	if _, err := view.Stat("/dir/file"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if list, err := view.ReadDir("."); err != nil || len(list) != 1 {
		t.Error(list, err)
	}
}

// TestAFileWithoutNameStaysReadable: whoever has a file open keeps it, whatever becomes
// of its name.
func TestAFileWithoutNameStaysReadable(t *testing.T) {
	view := overlay.New(filled(t), 1<<20)
	f, err := view.OpenFile("/s/one", 0)
	must(t, err)
	_, err = f.WriteAt([]byte("here"), 10)
	must(t, err)
	must(t, view.Remove("/s/one"))
	must(t, vfs.WriteFile(view, "/s/one", []byte("other")))
	got := make([]byte, 20)
	if _, err := f.ReadAt(got, 0); err != nil || string(got) != "aaaaaaaaaahereaaaaaa" {
		t.Errorf("%q, %v", got, err)
	}
	used := view.Used()
	must(t, f.Close())
	if view.Used() >= used {
		t.Error("its memory is not given back")
	}
}

// TestMemoryIsBounded: only pages with something in them count, and beyond the limit the
// disk is full until something is given back.
func TestMemoryIsBounded(t *testing.T) {
	view := overlay.New(filled(t), 4*vfs.PageSize)
	f, err := view.OpenFile("/s/new", vfs.Create)
	must(t, err)
	defer f.Close()
	must(t, f.Preallocate(1<<40))
	_, err = f.WriteAt(make([]byte, 1<<20), 0)
	must(t, err)
	if view.Used() != 0 {
		t.Errorf("%d bytes for zeros", view.Used())
	}
	n, err := f.WriteAt(bytes.Repeat([]byte{1}, 5*vfs.PageSize), 0)
	if n != 4*vfs.PageSize || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("wrote %d: %v", n, err)
	}
	if err := vfs.WriteFile(view, "/s/other", []byte("x")); !errors.Is(err, syscall.ENOSPC) {
		t.Error(err)
	}
	must(t, f.Truncate(vfs.PageSize+1))
	if view.Used() != 2*vfs.PageSize {
		t.Errorf("%d bytes in use", view.Used())
	}
	_, err = f.WriteAt(make([]byte, vfs.PageSize), 0)
	must(t, err)
	if view.Used() != vfs.PageSize {
		t.Errorf("%d bytes in use after a page became zero", view.Used())
	}
	must(t, vfs.WriteFile(view, "/s/other", []byte("x")))
}

// TestLocksAreThoseOfTheBase, where there is a file.
func TestLocksAreThoseOfTheBase(t *testing.T) {
	disk := filled(t)
	first, second := overlay.New(disk, 1<<20), overlay.New(disk, 1<<20)
	lock, err := first.Lock("/s/one")
	must(t, err)
	if _, err := second.Lock("/s/one"); !errors.Is(err, vfs.ErrLocked) {
		t.Error(err)
	}
	if _, err := disk.Lock("/s/one"); !errors.Is(err, vfs.ErrLocked) {
		t.Error(err)
	}
	must(t, lock.Close())
	lock, err = disk.Lock("/s/one")
	must(t, err)
	if _, err := second.Lock("/s/one"); !errors.Is(err, vfs.ErrLocked) {
		t.Error(err)
	}
	must(t, lock.Close())
	if lock, err = second.Lock("/s/none"); err != nil {
		t.Fatal(err)
	}
	if _, err := second.Lock("/s/none"); !errors.Is(err, vfs.ErrLocked) {
		t.Error(err)
	}
	if _, err := disk.Stat("/s/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a lock made a file on the base")
	}
	must(t, lock.Close())
	if lock.Close() == nil {
		t.Error("a lock can be given back twice")
	}
}

// TestErrorsOfTheBaseAreTold, and what was written here can be read all the same.
func TestErrorsOfTheBaseAreTold(t *testing.T) {
	disk := filled(t)
	view := overlay.New(disk, 1<<20)
	f, err := view.OpenFile("/s/b/two", 0)
	must(t, err)
	defer f.Close()
	_, err = f.WriteAt(bytes.Repeat([]byte{1}, vfs.PageSize), vfs.PageSize)
	must(t, err)
	disk.Fail(func(op faulty.Operation) error {
		if op.Kind == faulty.Read || op.Kind == faulty.Stat {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	buf := make([]byte, 100)
	if _, err := f.ReadAt(buf, 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, err := f.WriteAt(buf, 10); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
	if _, err := f.ReadAt(buf, vfs.PageSize); err != nil || buf[0] != 1 {
		t.Error(err)
	}
	if _, err := view.OpenFile("/s/unseen", vfs.Create); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("an unknown name counts as free: %v", err)
	}
}
