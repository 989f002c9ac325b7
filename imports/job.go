package imports

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Names of the stages that the library itself enters.
const (
	stageReceiving  = "receiving"
	stageChecking   = "checking"
	stageQueued     = "queued"
	stageVerifying  = "verifying"
	stageImporting  = "importing"
	stageFinalizing = "finalizing"
)

// job is one import from its creation until it is forgotten.
type job struct {
	h    *Handler
	id   string
	dir  string
	log  *eventLog
	disk disk

	// saving is held while a state change is made durable. It is taken before
	// mu, which is never held during I/O.
	saving sync.Mutex

	digesting sync.Mutex // held while the digest is computed

	mu       sync.Mutex // guards the following
	rec      record
	space    *allotment // nil for a server-side file
	receiver *receiver  // the request that writes now
	live     *run       // while running
	gone     bool       // forgotten: nothing may be written any more
	meter    *meter     // of the upload
	base     int64      // what earlier requests have uploaded
}

// newID returns 128 random bits.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

// validID reports whether a directory's or a URL's name can be an id of ours.
func validID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

func newEpoch() string { return newID()[:16] }

// bootID names the running boot of the machine.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func (h *Handler) newJob(rec record) *job {
	j := &job{h: h, id: rec.ID, dir: filepath.Join(h.jobsDir, rec.ID), disk: h.disk, rec: rec}
	j.log = newEventLog(h.disk, j.dir, h.cfg.OutputBytes, rec.Epoch, rec.Seq)
	j.log.ended = rec.State == StateDone
	j.log.lastWord = func(seq uint64) endMessage {
		r := j.record()
		return r.end(seq)
	}
	return j
}

func (j *job) dataPath() string { return filepath.Join(j.dir, fileData) }

// record returns a copy. Its slices are never changed in place.
func (j *job) record() record {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rec
}

// create makes the import's directory and first record durable.
func (j *job) create() error {
	j.saving.Lock()
	defer j.saving.Unlock()
	if err := j.disk.mkdir(j.dir); err != nil {
		return err
	}
	rec := j.record()
	if err := j.disk.saveRecord(j.dir, rec); err != nil {
		_ = j.disk.removeImport(j.dir)
		return err
	}
	j.announce(rec, "")
	return nil
}

// move is the only way from one state to another: decide, make it durable,
// then let it be seen.
func (j *job) move(t trigger, o Outcome, edit func(*record)) error {
	j.saving.Lock()
	defer j.saving.Unlock()
	if j.forgotten() {
		return errForgotten
	}
	rec := j.record()
	next, err := rec.next(t, o)
	if err != nil {
		return err
	}
	if t == trigCancel && rec.CancelRequested {
		return nil
	}
	rec.phase = next
	rec.Seq = j.log.number()
	if edit != nil {
		edit(&rec)
	}
	err = j.disk.saveRecord(j.dir, rec)
	if err != nil && t != trigEnd {
		return err
	}
	// An end that cannot be written down is an end all the same; the next
	// start will find the import running and call it interrupted.
	j.publish(rec)
	j.announce(rec, t)
	return err
}

// errForgotten keeps a late hand from bringing a removed directory back.
var errForgotten = fmt.Errorf("%w: the import is forgotten", errTransition)

// edit changes the record without changing the state.
func (j *job) edit(change func(*record)) error {
	j.saving.Lock()
	defer j.saving.Unlock()
	if j.forgotten() {
		return errForgotten
	}
	rec := j.record()
	change(&rec)
	rec.Seq = j.log.number()
	if err := j.disk.saveRecord(j.dir, rec); err != nil {
		return err
	}
	j.publish(rec)
	return nil
}

// publish takes over a saved record. What only lives in memory while an
// importer works (stages, warnings) is not lost to a change that was prepared
// before.
func (j *job) publish(rec record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.rec.State == StateRunning && rec.State == StateRunning {
		rec.Stages, rec.Warnings = j.rec.Stages, j.rec.Warnings
	}
	j.rec = rec
}

// announce journals a state for the watchers.
func (j *job) announce(rec record, t trigger) {
	now := time.Now()
	if t == trigRetry {
		j.log.add(func(seq uint64) any {
			return attemptMessage{Type: "attempt", Seq: seq, At: now, Attempt: rec.Attempt, User: rec.Owner}
		})
	}
	j.log.add(func(seq uint64) any {
		return stateMessage{
			Type: "state", Seq: seq, At: now, State: rec.State, Outcome: rec.Outcome,
			Attempt: rec.Attempt, CancelRequested: rec.CancelRequested,
		}
	})
	if rec.State == StateDone {
		j.log.add(func(seq uint64) any { return rec.end(seq) })
	}
}

// end is the last message of an attempt.
func (r *record) end(seq uint64) endMessage {
	m := endMessage{
		Type: "end", Seq: seq, At: r.Ended, Outcome: r.Outcome, Exit: r.Exit,
		BytesIn: r.BytesIn, BytesOut: r.BytesOut, Warnings: r.Warnings.Count, Problem: r.Problem,
	}
	if !r.Started.IsZero() {
		m.DurationMS = r.Ended.Sub(r.Started).Milliseconds()
	}
	return m
}

// enterStage notes a stage in memory and for the watchers. It becomes durable
// with the next state change.
func (j *job) enterStage(name string) {
	now := time.Now()
	j.mu.Lock()
	if j.rec.stage() == name {
		j.mu.Unlock()
		return
	}
	j.rec.enterStage(name, now)
	j.mu.Unlock()
	j.log.add(func(seq uint64) any { return stageMessage{Type: "stage", Seq: seq, At: now, Stage: name} })
}

// warn adds a warning in memory and for the watchers.
func (j *job) warn(text string) {
	now := time.Now()
	j.mu.Lock()
	j.rec.Warnings.add(text)
	n := j.rec.Warnings.Count
	j.mu.Unlock()
	if n > warningsTold {
		return // counted; the output has them all
	}
	j.log.add(func(seq uint64) any { return warningMessage{Type: "warning", Seq: seq, At: now, Text: text} })
}

// warningsTold bounds the warning events of one attempt.
const warningsTold = 1000

// snapshot is the import as clients see it.
func (j *job) snapshot() Snapshot {
	now := time.Now()
	j.mu.Lock()
	s := j.rec.snapshot()
	live, received := j.live, j.meter
	if j.rec.State != StateRunning {
		live = nil // it has ended, or has not begun to count
	}
	if received != nil && j.rec.State == StateReceiving {
		p := received.view(now, false)
		p.Stage = stageReceiving
		s.Progress = &p
	}
	stage := j.rec.stage()
	rec := &j.rec
	if s.Progress == nil && live == nil {
		s.Progress = rec.restingProgress(stage)
	}
	j.mu.Unlock()
	if live != nil {
		p := live.view(now)
		s.Progress = &p
	}
	s.Position = j.h.position(j)
	s.LogBytes = j.log.outputSize()
	return s
}

// restingProgress is the progress of an import that nothing moves at the
// moment.
func (r *record) restingProgress(stage string) *Progress {
	p := &Progress{Stage: stage, Stored: r.BytesIn, Decompressed: r.BytesOut, Total: sizeOrNull(r.Source.Size)}
	if r.State == StateDone {
		p.Stage = string(StateDone)
		if r.Outcome.Succeeded() {
			full := 100.0
			p.Percent = &full
		}
	}
	return p
}

func sizeOrNull(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}

// visible reports whether a client may know of the import.
func (j *job) visible(a Access) bool {
	return a.Admin || j.record().Owner == a.User
}
