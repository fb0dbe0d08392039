package migrate

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/godwit-mq/godwit/internal/store/block"
	"github.com/godwit-mq/godwit/internal/store/catalog"
	"github.com/godwit-mq/godwit/internal/store/legacy"
	"github.com/godwit-mq/godwit/internal/vfs"
)

// cacheBytes is enough where each message is read once.
const cacheBytes = 4 << 20

// A migration is one run.
type migration struct {
	fsys    vfs.FS
	options Options
	dir     string // where it writes
	report  Report
	wanted  []*wantedStream

	node    *block.Node
	catalog *catalog.Catalog
}

// Run migrates. The report is valid also with an error, as far as it came.
func Run(fsys vfs.FS, o Options) (Report, error) {
	if o.Node.CacheBytes == 0 {
		o.Node.CacheBytes = cacheBytes
	}
	m := &migration{fsys: fsys, options: o, dir: filepath.Join(o.To, workDir)}
	m.report.Problems = make(map[legacy.Grade]int)
	err := m.run()
	return m.report, err
}

func (m *migration) run() error {
	if err := m.options.check(); err != nil {
		return err
	}
	store := filepath.Join(m.options.To, StoreDir)
	if _, err := m.fsys.Stat(store); !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return err
		}
		return fmt.Errorf("%s: %w", store, ErrStoreExists)
	}
	source, err := legacy.Open(m.fsys, m.options.From, legacy.Options{Key: m.options.Key, PreviousKey: m.options.PreviousKey})
	if err != nil {
		return err
	}
	if err := accessible(source); err != nil {
		return err
	}
	if !hasStreams(source) {
		for _, p := range source.Problems {
			m.problem(p)
		}
		return fmt.Errorf("%s: %w", m.options.From, ErrNothing)
	}
	if err := m.clear(); err != nil {
		return err
	}
	if err := m.open(); err != nil {
		return err
	}
	err = errors.Join(m.directory(source), m.catalog.Close(), m.node.Close())
	if err == nil && m.options.Strict && m.report.Damaged() {
		err = ErrDamage
	}
	if err == nil {
		err = m.verify()
	}
	if err == nil {
		err = m.fsys.Rename(m.dir, store)
	}
	if err != nil {
		// What is left is removed by the next run, if not now.
		return errors.Join(err, removeAll(m.fsys, m.dir))
	}
	if err := m.fsys.SyncDir(m.options.To); err != nil {
		return fmt.Errorf("%s is complete, but a power cut may give it back its old name: %w", store, err)
	}
	return nil
}

// clear removes what an interrupted run has left.
func (m *migration) clear() error {
	if _, err := m.fsys.Stat(m.dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	lock, err := m.fsys.Lock(filepath.Join(m.dir, "lock"))
	if errors.Is(err, vfs.ErrLocked) {
		return fmt.Errorf("%s: %w", m.dir, ErrBusy)
	}
	if err != nil {
		return err
	}
	m.options.progress("removing %s, which an interrupted migration has left; beginning anew", m.dir)
	// It is held until nothing is left; then it stands for a file that is gone.
	return errors.Join(removeAll(m.fsys, m.dir), lock.Close(), m.fsys.SyncDir(m.options.To))
}

// open makes an empty store. If it fails nothing is removed: it may be another's.
func (m *migration) open() (err error) {
	if m.node, _, err = block.Open(m.fsys, m.dir, m.options.Node); err != nil {
		return err
	}
	if m.catalog, _, err = catalog.Open(m.fsys, m.dir, catalogOptions(m.options.Node)); err != nil {
		return errors.Join(err, m.node.Close())
	}
	return nil
}

func catalogOptions(o block.Options) catalog.Options {
	return catalog.Options{Cipher: o.Cipher, OldCiphers: o.OldCiphers, Random: o.Journal.Random}
}

func (m *migration) directory(source *legacy.Directory) error {
	for _, p := range source.Problems {
		m.problem(p)
	}
	for _, account := range source.Accounts {
		if n := len(account.Groups); n > 0 {
			m.note(legacy.Note, account.Name, fmt.Errorf("the logs of %d RAFT groups are not read: what a replicated stream had not applied is missing", n))
		}
		for _, stream := range account.Streams {
			if err := m.stream(stream); err != nil {
				return fmt.Errorf("stream %s > %s: %w", stream.Account, stream.Name, err)
			}
		}
	}
	return nil
}

func (m *migration) problem(p legacy.Problem) {
	m.report.Problems[p.Grade]++
	if m.options.OnProblem != nil {
		m.options.OnProblem(p)
	}
}

func (m *migration) note(grade legacy.Grade, file string, err error) {
	m.problem(legacy.Problem{Grade: grade, File: file, Err: err})
}

func hasStreams(source *legacy.Directory) bool {
	return slices.ContainsFunc(source.Accounts, func(a *legacy.Account) bool { return len(a.Streams) > 0 })
}

// accessible fails for a source that is whole, but not for the one who asks.
func accessible(source *legacy.Directory) error {
	problems := append([]legacy.Problem(nil), source.Problems...)
	opened := false
	for _, account := range source.Accounts {
		for _, stream := range account.Streams {
			problems = append(problems, stream.Problems...)
			opened = opened || stream.Cipher != legacy.Plain
		}
	}
	for _, p := range problems {
		switch {
		case errors.Is(p.Err, fs.ErrPermission):
			return fmt.Errorf("read %s: %w", p.File, p.Err)
		case errors.Is(p.Err, legacy.ErrNoKey):
			return fmt.Errorf("%s: %w, and no key was given", p.File, ErrKey)
		case errors.Is(p.Err, legacy.ErrKey) && !opened:
			return fmt.Errorf("%s: %w with another key", p.File, ErrKey)
		}
	}
	return nil
}

// removeAll removes a directory with all that is in it, if it is there.
func removeAll(fsys vfs.FS, dir string) error {
	list, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range list {
		path := filepath.Join(dir, e.Name)
		if e.Dir {
			err = removeAll(fsys, path)
		} else {
			err = fsys.Remove(path)
		}
		if err != nil {
			return err
		}
	}
	return fsys.Remove(dir)
}

// CheckStart fails if a store directory holds what an established server stored, and no
// store of this one: starting there would look as if everything was lost. The error
// names the command to run.
func CheckStart(fsys vfs.FS, storeDir string) error {
	if _, err := fsys.Stat(filepath.Join(storeDir, StoreDir)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	old := filepath.Join(storeDir, legacyDir)
	accounts, err := fsys.ReadDir(old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if !account.Dir {
			continue
		}
		streams, err := fsys.ReadDir(filepath.Join(old, account.Name, "streams"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, stream := range streams {
			if stream.Dir && stream.Name[0] != '.' {
				return fmt.Errorf("%s holds streams that another server stored, and %s does not exist; to take them over, run: godwit migrate --from %q --to %q",
					old, filepath.Join(storeDir, StoreDir), old, storeDir)
			}
		}
	}
	return nil
}
