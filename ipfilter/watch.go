package ipfilter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"syscall"
	"time"
)

// identity is what stat says about a file's content: a replaced file has another inode, a changed
// one another time or size.
type identity struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

// watcher notices changes of the file by asking for its identity. inotify would lose sight of a
// file that is reached through symbolic links or replaced by renaming a directory.
type watcher struct {
	path string

	mu       sync.Mutex        // held while the file is looked at
	seen     identity          // of the content that was read last, good or bad
	sum      [sha256.Size]byte // of that content
	err      error             // what is wrong with it
	inForce  [sha256.Size]byte // of the content whose rules are in force
	agreed   time.Time         // when the two were last known to be the same
	pending  identity          // seen once and not yet read: somebody may still be writing
	since    time.Time         // when the change that is pending was first seen
	racyTill time.Time         // until then a write may hide behind an unchanged time stamp
	fault    string            // logged last

	cancel context.CancelFunc
	done   chan struct{} // nil until started
}

func newWatcher(path string) *watcher { return &watcher{path: path} }

// Load reads and parses the file at path, which must be a regular one. A FIFO or a device is
// refused without waiting for it.
func Load(path string) (Rules, error) {
	text, _, err := readRegular(path)
	if err != nil {
		return nil, err
	}
	return parse(path, text)
}

// first reads the file for New: a fault is final.
func (w *watcher) first() (Rules, error) {
	text, id, err := readRegular(w.path)
	if err != nil {
		return nil, err
	}
	w.remember(id, sha256.Sum256(text))
	w.inForce, w.agreed = w.sum, time.Now()
	return parse(w.path, text)
}

// racyFor is longer than the time stamps of any file system are apart (two seconds on FAT): a
// second write within it may leave the same time.
const racyFor = 2500 * time.Millisecond

// settleFor is how long a file may go on changing before it is read all the same.
const settleFor = 500 * time.Millisecond

func (w *watcher) remember(id identity, sum [sha256.Size]byte) {
	w.seen, w.sum, w.pending, w.since = id, sum, identity{}, time.Time{}
	w.racyTill = time.Now().Add(racyFor)
}

func readRegular(path string) ([]byte, identity, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, identity{}, fmt.Errorf("ipfilter: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, identity{}, fmt.Errorf("ipfilter: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, identity{}, fmt.Errorf("ipfilter: %s: %w", path, errNotRegular(info.Mode()))
	}
	var text bytes.Buffer
	if _, err := io.Copy(&text, io.LimitReader(f, maxFileBytes+1)); err != nil {
		return nil, identity{}, fmt.Errorf("ipfilter: %w", err)
	}
	return text.Bytes(), identityOf(info), nil
}

func errNotRegular(mode os.FileMode) error {
	switch {
	case mode.IsDir():
		return errors.New("is a directory, not a file")
	case mode&os.ModeNamedPipe != 0:
		return errors.New("is a FIFO, not a regular file")
	}
	return errors.New("is not a regular file")
}

func identityOf(info os.FileInfo) identity {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{size: info.Size()}
	}
	return identity{uint64(st.Dev), st.Ino, st.Size, st.Mtim, st.Ctim}
}

// start polls until stop.
func (w *watcher) start(f *Filter) {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel, w.done = cancel, make(chan struct{})
	go func() {
		defer close(w.done)
		tick := time.NewTicker(f.cfg.Poll)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				f.poll()
			}
		}
	}()
}

func (w *watcher) stop(ctx context.Context) error {
	if w.done == nil {
		return nil
	}
	w.cancel()
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("ipfilter: the watcher of %s has not ended: %w", w.path, ctx.Err())
	}
}

// Reload reads the file now, whether it has changed or not. On an error the old rules stay in
// force. Without a File it does nothing.
func (f *Filter) Reload() error {
	if f.watch == nil {
		return nil
	}
	f.watch.mu.Lock()
	defer f.watch.mu.Unlock()
	return f.reload()
}

// poll looks whether the file has changed, and reads it once it has been the same twice: whoever
// writes in place has most likely finished by then.
func (f *Filter) poll() {
	w := f.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	info, err := os.Stat(w.path)
	now := time.Now()
	if err != nil {
		_ = f.reload() // says what is wrong, in the words of Reload
	} else {
		switch id := identityOf(info); {
		case id == w.seen && now.After(w.racyTill):
			w.pending, w.since = identity{}, time.Time{}
			if w.err == nil {
				w.agreed = now
			}
		case id == w.seen, id == w.pending, !w.since.IsZero() && now.Sub(w.since) >= settleFor:
			_ = f.reload() // which logs and counts
		default:
			w.pending = id
			if w.since.IsZero() {
				w.since = now
			}
		}
	}
	f.metrics.age.Set(max(0, now.Sub(w.agreed).Seconds()))
}

// reload reads the file; watch.mu is held.
func (f *Filter) reload() error {
	w := f.watch
	text, id, err := readRegular(w.path)
	if err != nil {
		return f.unreadable(err)
	}
	sum := sha256.Sum256(text)
	if id == w.seen && sum == w.sum {
		if w.err == nil {
			w.agreed = time.Now()
		}
		return w.err
	}
	w.remember(id, sum)
	if sum == w.inForce {
		w.agreed, w.err, w.fault = time.Now(), nil, ""
		return nil
	}
	rules, err := parse(w.path, text)
	if err != nil {
		w.fault = ""
		w.err = f.reloadFault(err)
		return w.err
	}
	f.mu.Lock()
	f.install(rules)
	f.mu.Unlock()
	w.inForce, w.agreed, w.err, w.fault = sum, time.Now(), nil, ""
	f.metrics.reloads.Inc()
	f.log.Info("allowlist reloaded", slog.String("file", w.path), slog.Int("rules", len(rules)))
	f.lint(rules)
	return nil
}

// unreadable notes that the file is gone or is no file; when it is back it is read, whatever its
// identity.
func (f *Filter) unreadable(err error) error {
	w := f.watch
	w.seen, w.sum, w.err = identity{}, [sha256.Size]byte{}, err
	w.pending, w.since = identity{}, time.Time{}
	return f.reloadFault(err)
}

// reloadFault says that the old rules stay in force, once for a fault that lasts.
func (f *Filter) reloadFault(err error) error {
	if text := err.Error(); text != f.watch.fault {
		f.watch.fault = text
		f.metrics.reloadErrors.Inc()
		f.log.Error("allowlist not reloaded, the old rules stay in force", slog.Any("error", err))
	}
	return err
}
