package ocspcheck

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/vfs"
)

// Store keeps the status of our own certificates in a directory, so that a
// restart does not depend on the responder: a file for each, called after the hex
// SHA-256 of the certificate, which holds the answer as it came. A nil Store
// keeps nothing.
type Store struct {
	fs        vfs.FS
	directory string
}

// OpenStore makes the directory if needed. fsys nil is the operating system's.
func OpenStore(fsys vfs.FS, directory string) (*Store, error) {
	if fsys == nil {
		fsys = vfs.OS
	}
	if info, err := fsys.Stat(directory); err == nil && !info.Dir {
		return nil, fmt.Errorf("OCSP storage directory is not a directory: %s", directory)
	}
	if err := fsys.MkdirAll(directory); err != nil {
		return nil, fmt.Errorf("could not create OCSP storage directory - %w", err)
	}
	return &Store{fs: fsys, directory: directory}, nil
}

// load returns what is stored about a certificate, unchecked; nil without error
// only for a nil Store.
func (s *Store) load(cert *x509.Certificate) ([]byte, error) {
	if s == nil {
		return nil, nil
	}
	return vfs.ReadFile(s.fs, s.path(cert), maxAnswer)
}

func (s *Store) save(cert *x509.Certificate, der []byte) error {
	if s == nil {
		return nil
	}
	return replaceFile(s.fs, s.path(cert), "tmp-cert-status-", der)
}

func (s *Store) path(cert *x509.Certificate) string {
	sum := sha256.Sum256(cert.Raw)
	return filepath.Join(s.directory, hex.EncodeToString(sum[:]))
}

// temporaries counts the temporary files of this process.
var temporaries atomic.Uint64

// replaceFile replaces a file in one step by way of a temporary one beside it
// that no other process and no other call uses. It returns nil when the new
// content would survive a power cut.
func replaceFile(fsys vfs.FS, name, prefix string, data []byte) error {
	temporary := fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), temporaries.Add(1))
	return vfs.ReplaceFile(fsys, name, filepath.Join(filepath.Dir(name), temporary), data)
}
