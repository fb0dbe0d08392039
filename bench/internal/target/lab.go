package target

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Packages that Build knows how to find from the benchmark's own module.
const (
	referencePackage = "github.com/nats-io/nats-server/v2"
	modulePath       = "github.com/godwit-mq/godwit/bench"
)

// Lab is where one comparison keeps its files.
type Lab struct {
	dir     string
	started int // servers so far; makes file names unique
}

// NewLab prepares an existing directory.
func NewLab(dir string) (*Lab, error) {
	l := &Lab{dir: dir}
	return l, l.writeCertificate()
}

// Certificate returns the file with the certificate that servers with load.ConfigTLS show.
func (l *Lab) Certificate() string { return l.certificate() }

// Binary is a server program.
type Binary struct {
	Name    string // in the table
	Path    string
	Version string // what it answers to -v; empty if it does not
}

// Use returns the program at that path after making sure that it exists.
func (l *Lab) Use(ctx context.Context, name, path string) (Binary, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return Binary{}, err
	}
	if info, err := os.Stat(path); err != nil {
		return Binary{}, fmt.Errorf("server %s: %w", name, err)
	} else if info.IsDir() || info.Mode()&0o111 == 0 {
		return Binary{}, fmt.Errorf("server %s: %s is not executable", name, path)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	b := Binary{Name: name, Path: path}
	if text, err := exec.CommandContext(ctx, path, "-v").Output(); err == nil {
		first, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
		b.Version = first
	}
	return b, nil
}

// BuildGodwit builds the server of the module around the benchmark's.
func (l *Lab) BuildGodwit(ctx context.Context, bench string) (string, error) {
	return l.build(ctx, filepath.Dir(bench), "./cmd/godwit", "godwit")
}

// BuildReference builds the reference server in the version that the benchmark's go.mod names.
func (l *Lab) BuildReference(ctx context.Context, bench string) (string, error) {
	return l.build(ctx, bench, referencePackage, "reference")
}

// BuildLoad builds the load generator.
func (l *Lab) BuildLoad(ctx context.Context, bench string) (string, error) {
	return l.build(ctx, bench, "./cmd/load", "load")
}

func (l *Lab) build(ctx context.Context, dir, pkg, name string) (string, error) {
	out := filepath.Join(l.dir, name)
	command := exec.CommandContext(ctx, "go", "build", "-o", out, pkg)
	command.Dir = dir
	if text, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, bytes.TrimSpace(text))
	}
	return out, nil
}

// ModuleDir returns the root directory of the benchmark's module, which must contain the working directory.
func ModuleDir(ctx context.Context) (string, error) {
	text, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	path, dir, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if err != nil || path != modulePath {
		return "", fmt.Errorf("run this in the directory of module %s", modulePath)
	}
	return dir, nil
}
