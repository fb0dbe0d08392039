package options

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/godwit-mq/godwit/internal/conf"
)

// ProcessConfigFile reads a configuration file into new options. An empty path
// gives empty options. Warnings do not fail it: see (*Options).ConfigWarnings.
func ProcessConfigFile(path string) (*Options, error) {
	o := &Options{}
	if err := o.ProcessConfigFile(path); err != nil {
		return nil, err
	}
	return o, nil
}

// ProcessConfigString is ProcessConfigFile for a text at hand; relative
// includes are looked up in the working directory.
func ProcessConfigString(text string) (*Options, error) {
	o := &Options{}
	if err := o.ProcessConfigString(text); err != nil {
		return nil, err
	}
	return o, nil
}

// ProcessConfigFile reads a file over the fields that are set already.
func (o *Options) ProcessConfigFile(path string) error {
	o.ConfigFile = path
	if path == "" {
		return nil
	}
	m, err := conf.ParseFile(path, os.LookupEnv)
	if err != nil {
		return nameFile(path, err)
	}
	return o.apply(m)
}

// ProcessConfigString reads a text over the fields that are set already.
func (o *Options) ProcessConfigString(text string) error {
	m, err := conf.Parse(text, "", ".", os.LookupEnv)
	if err != nil {
		return err
	}
	return o.apply(m)
}

// nameFile makes an error say which file it is about.
func nameFile(path string, err error) error {
	if strings.Contains(err.Error(), path) {
		return err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// apply carries the parsed file over into the options.
func (o *Options) apply(m *conf.Map) error {
	o.ConfigDigest = m.Digest()
	d := &decoder{o: o}
	if len(m.Entries) == 0 {
		d.warnings = append(d.warnings, fmt.Errorf("%s: config has no values or is empty", o.ConfigFile))
	}
	for _, e := range m.Entries {
		d.top(e)
	}
	d.checkUsers(m)
	d.finishOperators(m)
	d.finishCallout()
	d.finishSharing(m)
	o.ConfigWarnings = d.warnings
	if len(d.errors) > 0 {
		return &ConfigErrors{d.errors, d.warnings}
	}
	return nil
}

// top carries out one key of the top level.
func (d *decoder) top(e *conf.Entry) {
	key := strings.ToLower(e.Key)
	if set, ok := topKeys[key]; ok {
		set(d, e)
		return
	}
	if shape, ok := unsupportedKeys[key]; ok {
		shape.check(d, e.Value)
		if !asksForNothing(e.Value.Data) {
			d.unsupported(e)
		}
		return
	}
	if ignoreUnknown.Load() && !e.UsedVariable {
		d.warn(e.Pos, "unknown field %q is ignored", e.Key)
		return
	}
	d.unknown(e)
}

// ignoreUnknown is for programs that keep settings of their own in the file.
var ignoreUnknown atomic.Bool

// NoErrOnUnknownFields says, for all files that the process reads from now on,
// whether unknown keys of the top level are warned about only. Unknown keys of
// blocks are errors in any case.
func NoErrOnUnknownFields(tolerate bool) { ignoreUnknown.Store(tolerate) }

// expandHome replaces a leading ~ by the home directory.
func expandHome(path string) (string, error) {
	if path != "~" && !strings.HasPrefix(path, "~/") {
		return path, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the home directory for %q: %w", path, err)
	}
	return filepath.Join(home, strings.TrimPrefix(path, "~")), nil
}
