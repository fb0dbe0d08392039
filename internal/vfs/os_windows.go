package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// rename returns when the new name is on the disk: a directory cannot be
// flushed under every account, see syncDir.
func rename(from, to string) error {
	source, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	target, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	err = windows.MoveFileEx(source, target, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

// syncDir flushes the directory's handle. Accounts and file systems that do not
// allow this leave it to NTFS, which journals names in the order of the calls.
func syncDir(name string) error {
	path, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return &os.PathError{Op: "sync", Path: name, Err: err}
	}
	handle, err := windows.CreateFile(path, windows.GENERIC_READ|windows.GENERIC_WRITE,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil,
		windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if errors.Is(err, windows.ERROR_ACCESS_DENIED) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "sync", Path: name, Err: err}
	}
	defer windows.CloseHandle(handle)
	err = windows.FlushFileBuffers(handle)
	if err == nil || errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_INVALID_FUNCTION) {
		return nil
	}
	return &os.PathError{Op: "sync", Path: name, Err: err}
}

func lockFile(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = conn.Control(func(fd uintptr) {
		const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
		result = windows.LockFileEx(windows.Handle(fd), flags, 0, 1, 0, new(windows.Overlapped))
	})
	if err != nil {
		return err
	}
	if errors.Is(result, windows.ERROR_LOCK_VIOLATION) {
		return ErrLocked
	}
	return result
}
