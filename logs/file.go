package logs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// defaultGrace is how long a renamed file is read on after its last line:
// nginx with "flush=5s" writes its buffer to it that much later.
const defaultGrace = 10 * time.Second

// fileSource follows one name through whatever a rotator does to it.
type fileSource struct {
	path     string
	within   string // the folder that symbolic links must not lead out of
	grace    time.Duration
	pollOnly bool
}

// FileOption changes how [File] works.
type FileOption func(*fileSource)

// Within lets symbolic links lead anywhere below dir, and the file be anywhere
// below it. Without it, dir is the file's own folder.
func Within(dir string) FileOption { return func(f *fileSource) { f.within = filepath.Clean(dir) } }

// Grace is how long a file that was renamed away is read on after its last
// byte. 0 = 10 s, enough for a writer that keeps its old descriptor and
// flushes a buffer each 5 s; negative = it is read to its end once.
func Grace(d time.Duration) FileOption {
	return func(f *fileSource) { f.grace = orDefault(d, defaultGrace, 0) }
}

// PollOnly looks at the file each 250 ms at the latest instead of waiting for
// the kernel's word: for file systems whose changes are made on another host.
func PollOnly() FileOption { return func(f *fileSource) { f.pollOnly = true } }

// File is a log file: its path must be absolute. It is followed by content
// through rename, re-creation, copytruncate, truncation and deletion; while
// two generations are being written, lines of both arrive, each file's in its
// order. Its history includes the rotated siblings beside it (name.1,
// name-20260101), compressed with gzip or zstd (.gz, .zst) or not. It need not
// exist yet.
//
// Only regular files are opened, without blocking, and only below the file's
// folder (see [Within]).
func File(path string, opts ...FileOption) Source {
	f := &fileSource{path: filepath.Clean(path), grace: defaultGrace}
	for _, o := range opts {
		o(f)
	}
	if f.within == "" {
		f.within = filepath.Dir(f.path)
	}
	return f
}

func (f *fileSource) validate() error {
	switch {
	case !filepath.IsAbs(f.path):
		return fmt.Errorf("file %q: the path is not absolute", f.path)
	case !filepath.IsAbs(f.within):
		return fmt.Errorf("file %q: the folder %q is not absolute", f.path, f.within)
	}
	if _, err := f.relative(f.path); err != nil {
		return fmt.Errorf("file %q: not within %q", f.path, f.within)
	}
	return nil
}

func (f *fileSource) relative(path string) (string, error) {
	rel, err := filepath.Rel(f.within, path)
	if err == nil && (rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator))) {
		err = fs.ErrInvalid
	}
	return rel, err
}

// errNotRegular is a name that stands for something other than a file.
var errNotRegular = errors.New("not a regular file")

// open opens a sibling of the file, or the file itself. O_NONBLOCK keeps a FIFO
// from blocking the open for ever, [os.Root] keeps a symbolic link from leading
// out of the folder, and the type is asked of what was opened, not of the name.
func (f *fileSource) open(path string) (*os.File, fs.FileInfo, error) {
	rel, err := f.relative(path)
	if err != nil {
		return nil, nil, err
	}
	root, err := os.OpenRoot(f.within)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	file, err := root.OpenFile(rel, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	fi, err := file.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errNotRegular}
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, fi, nil
}

// Probe reports why the file cannot be read. That it does not exist is no
// reason: it may come.
func (f *fileSource) Probe(context.Context) error {
	fi, err := os.Stat(f.path)
	if err == nil && !fi.Mode().IsRegular() {
		// Opening a device can act on it, so the name is asked first.
		return &fs.PathError{Op: "open", Path: f.path, Err: errNotRegular}
	}
	file, _, err := f.open(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}
