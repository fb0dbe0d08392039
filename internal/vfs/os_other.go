//go:build !linux

package vfs

import (
	"errors"
	"os"
)

const directFlag = 0

func refusesDirect(error) bool { return false }

// syncData: the library's Sync is the strongest that these systems have
// (F_FULLFSYNC on darwin, FlushFileBuffers on windows).
func syncData(f *os.File) error { return f.Sync() }

func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }
