package terminal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/seal"
)

const (
	journalPrefix = "sessions-"
	// journalSlack is how many lines a journal may hold beyond the open
	// sessions before it is written anew.
	journalSlack = 1024
)

// openSession is one line of a journal: a session that is open, or the id of one
// that has ended.
type openSession struct {
	ID      string     `json:"id"`
	Ended   bool       `json:"ended,omitempty"`
	Name    string     `json:"name,omitempty"`
	User    string     `json:"user,omitempty"`
	Addr    netip.Addr `json:"addr,omitzero"`
	Started time.Time  `json:"started,omitzero"`
}

// end is the event that a crash has left out.
func (r openSession) end() gate.Event {
	return gate.Event{
		Kind: "end", User: r.User, Addr: r.Addr, Name: r.Name, ID: r.ID, Outcome: string(ReasonFault),
		Detail: fmt.Sprintf("the server ended without a shutdown; started %s", r.Started.Format(time.RFC3339)),
	}
}

// journal remembers which sessions have had a start event and no end event
// yet, so that each gets exactly one even when the server is killed. Each
// handler has a file of its own under a lock that the kernel releases when the
// process dies; a file that can be locked is a crashed one's.
//
// A nil journal remembers nothing.
type journal struct {
	mu    sync.Mutex
	dir   string
	file  *os.File
	open  map[string]openSession
	lines int
	torn  bool // the last line may be incomplete
}

// openJournal returns a journal in dir, and the sessions that crashed handlers
// left open.
func openJournal(dir string) (*journal, []openSession, error) {
	if dir == "" {
		return nil, nil, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	left, err := takeOver(dir)
	if err != nil {
		return nil, nil, err
	}
	j := &journal{dir: dir, open: map[string]openSession{}}
	for _, r := range left {
		j.open[r.ID] = r
	}
	if err := j.rewrite(); err != nil {
		return nil, nil, err
	}
	return j, left, nil
}

// takeOver reads and removes the journals that nobody holds.
func takeOver(dir string) ([]openSession, error) {
	names, err := filepath.Glob(filepath.Join(dir, journalPrefix+"*"))
	if err != nil {
		return nil, err
	}
	var left []openSession
	for _, name := range names {
		f, err := os.OpenFile(name, os.O_RDWR|unix.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			left = append(left, readJournal(f)...)
			_ = os.Remove(name)
		}
		_ = f.Close()
	}
	return left, nil
}

// readJournal returns the sessions that a journal has open. A line that a
// crash cut short, or that is not what was written, is left out: it must not
// stand for another session.
func readJournal(f io.Reader) []openSession {
	var order []string
	open := map[string]openSession{}
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break
		}
		var r openSession
		object, err := seal.Open(line)
		if err != nil || json.Unmarshal(object, &r) != nil || r.ID == "" {
			continue
		}
		if r.Ended {
			delete(open, r.ID)
			continue
		}
		if _, known := open[r.ID]; !known {
			order = append(order, r.ID)
		}
		open[r.ID] = r
	}
	var left []openSession
	for _, id := range order {
		if r, ok := open[id]; ok {
			left = append(left, r)
			delete(open, id)
		}
	}
	return left
}

// rewrite starts a file that holds the open sessions only. The new one is
// locked and complete before the old one goes.
func (j *journal) rewrite() error {
	f, err := os.CreateTemp(j.dir, journalPrefix+"*")
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, r := range j.open {
		if object, err := json.Marshal(r); err == nil {
			b.Write(seal.Line(object))
		}
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		_, err = f.Write(b.Bytes())
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return err
	}
	if j.file != nil {
		_ = os.Remove(j.file.Name())
		_ = j.file.Close()
	}
	j.file, j.lines, j.torn = f, len(j.open), false
	return nil
}

// start records a session before its start event can be seen.
func (j *journal) start(r openSession) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.open[r.ID] = r
	return j.appendLocked(r)
}

func (j *journal) ended(id string) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if _, ok := j.open[id]; !ok {
		return nil
	}
	delete(j.open, id)
	return j.appendLocked(openSession{ID: id, Ended: true})
}

func (j *journal) appendLocked(r openSession) error {
	if j.file == nil {
		return os.ErrClosed
	}
	if j.torn || j.lines > 2*len(j.open)+journalSlack {
		return j.rewrite()
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	j.lines++
	if _, err = j.file.Write(seal.Line(b)); err != nil {
		j.torn = true
	}
	return err
}

// confirm wraps the host's audit hook: an end counts as told once the hook has
// returned. Without a hook it counts at once.
func (j *journal) confirm(hook func(context.Context, gate.Event)) func(context.Context, gate.Event) {
	if j == nil {
		return hook
	}
	return func(ctx context.Context, e gate.Event) {
		if hook != nil {
			hook(ctx, e)
		}
		if e.Kind == "end" {
			_ = j.ended(e.ID)
		}
	}
}

// close removes the file, unless an end has not been told yet.
func (j *journal) close() error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.file == nil {
		return nil
	}
	var err error
	if len(j.open) == 0 {
		err = os.Remove(j.file.Name())
	}
	err = errors.Join(err, j.file.Close())
	j.file = nil
	return err
}
