package logs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pruvon/pruvon/bench/internal/lines"
)

// rotator rotates a log under its writer.
type rotator struct {
	rotate func(path string) error
	gap    time.Duration // until the writer opens the new file; 0: it never does
	left   int           // rotations to come

	path string
	next time.Time // of the next rotation
	open time.Time // when the writer reopens; zero: it need not
	wg   sync.WaitGroup
	mu   sync.Mutex
	err  error
}

func (r *rotator) begin(path string) {
	r.path, r.next = path, time.Now().Add(rotationEvery)
}

// step is called by the writer between two writes. A rotation is the work of
// another process, so the writer does not wait for it.
func (r *rotator) step(f *os.File) (*os.File, error) {
	now := time.Now()
	if r.left > 0 && now.After(r.next) {
		r.left--
		r.next = now.Add(rotationEvery)
		if r.gap > 0 {
			r.open = now.Add(r.gap)
		}
		r.wg.Go(func() {
			err := r.rotate(r.path)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.err = errors.Join(r.err, err)
		})
	}
	if r.open.IsZero() || now.Before(r.open) {
		return f, nil
	}
	r.open = time.Time{}
	reopened, err := create(r.path)
	if err != nil {
		return f, err
	}
	return reopened, f.Close()
}

// end waits for the last rotation.
func (r *rotator) end() error {
	r.wg.Wait()
	return r.err
}

// shift makes room for a new first sibling: app.log.1 becomes app.log.2.
func shift(path string) error {
	old, err := filepath.Glob(path + ".*")
	if err != nil {
		return err
	}
	for i := len(old); i > 0; i-- {
		if err := os.Rename(sibling(path, i), sibling(path, i+1)); err != nil {
			return err
		}
	}
	return nil
}

func sibling(path string, i int) string { return fmt.Sprintf("%s.%d", path, i) }

// renamed moves the file away and creates a new one.
func renamed(path string) error {
	if err := shift(path); err != nil {
		return err
	}
	if err := os.Rename(path, sibling(path, 1)); err != nil {
		return err
	}
	f, err := create(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// copied copies the file and cuts it.
func copied(path string) error {
	if err := shift(path); err != nil {
		return err
	}
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := create(sibling(path, 1))
	if err != nil {
		return err
	}
	defer to.Close()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return os.Truncate(path, 0)
}

// numbers are the lines from first on that stand in a log and its siblings.
func numbers(path string, first uint64) (map[uint64]bool, error) {
	files, err := filepath.Glob(path + "*")
	if err != nil {
		return nil, err
	}
	there := make(map[uint64]bool)
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for scan := bufio.NewScanner(bytes.NewReader(b)); scan.Scan(); {
			if n, ok := lines.Number(scan.Bytes()); ok && n >= first {
				there[n] = true
			}
		}
	}
	return there, nil
}
