package imports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/pruvon/pruvon/internal/seal"
)

// The files of an import's directory.
const (
	fileMeta   = "meta.json"     // the record: the truth about the state
	fileEvents = "events.ndjson" // durable events; output as references into output.log
	fileOutput = "output.log"    // what the importer printed: the head; the tail is in output.<offset>
	fileData   = "data"          // the bytes as they were uploaded
	tmpSuffix  = ".tmp"
)

// diskThreads is how many changes to the file system are made at once. Each
// holds an OS thread, an fsync for long; a hundred uploads that end together
// need no hundred threads, which the machine may not have.
const diskThreads = 6

// disk makes every change to the file system that a crash could fall between.
// The hook of the crash tests runs after each of them.
type disk struct {
	fault func(op string)
	busy  chan struct{} // holds one token for each change under way
}

func newDisk(fault func(op string)) disk {
	return disk{fault: fault, busy: make(chan struct{}, diskThreads)}
}

func (d disk) did(op string) {
	if d.fault != nil {
		d.fault(op)
	}
}

// turn waits for a turn to change something and returns its end.
func (d disk) turn() (over func()) {
	d.busy <- struct{}{}
	return func() { <-d.busy }
}

// mkdir makes a directory that must not exist yet and makes its name durable.
func (d disk) mkdir(dir string) error {
	over := d.turn()
	err := os.Mkdir(dir, 0o700)
	over()
	if err != nil {
		return err
	}
	d.did("mkdir")
	return d.syncDir(filepath.Dir(dir))
}

func (d disk) syncDir(dir string) error {
	defer d.turn()()
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) { // some file systems cannot sync a directory
		return err
	}
	d.did("syncdir")
	return nil
}

// writeFile replaces a file in one step: after a crash either the old or the
// new content is there. os.WriteFile would destroy the old one on a full disk.
func (d disk) writeFile(path string, b []byte) error {
	if err := d.replace(path, b); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(path))
}

func (d disk) replace(path string, b []byte) (err error) {
	defer d.turn()()
	tmp := path + tmpSuffix
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	d.did("create")
	defer func() {
		if err != nil {
			_ = os.Remove(tmp)
		}
	}()
	if _, err = f.Write(b); err != nil {
		_ = f.Close()
		return err
	}
	d.did("write")
	if err = f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	d.did("sync")
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(tmp, path); err != nil {
		return err
	}
	d.did("rename")
	return nil
}

func (d disk) append(f *os.File, b []byte) error {
	_, err := d.write(f, b, "append")
	return err
}

func (d disk) write(f *os.File, b []byte, op string) (int, error) {
	defer d.turn()()
	n, err := f.Write(b)
	d.did(op)
	return n, err
}

func (d disk) sync(f *os.File) error {
	defer d.turn()()
	err := f.Sync()
	d.did("sync")
	return err
}

func (d disk) remove(path string) error {
	defer d.turn()()
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	d.did("remove")
	return err
}

// removeImport removes an import's directory: the record last, so that a crash
// in the middle leaves something that the next start still understands.
func (d disk) removeImport(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == fileMeta {
			continue
		}
		if err := d.remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	if err := d.remove(filepath.Join(dir, fileMeta)); err != nil {
		return err
	}
	if err := d.remove(dir); err != nil {
		return err
	}
	return d.syncDir(filepath.Dir(dir))
}

// saveRecord makes a state change durable.
func (d disk) saveRecord(dir string, rec record) error {
	b, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return d.writeFile(filepath.Join(dir, fileMeta), seal.Line(b))
}

// lockDir takes the directory for this process. The lock goes with the
// process, however that ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: another process uses this directory", dir)
		}
		return nil, err
	}
	return f, nil
}
