package imports

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/internal/seal"
)

// orphansFor bounds how long the start waits for processes of a crashed
// predecessor to go.
const orphansFor = 30 * time.Second

// recover explains what is on disk. After it nothing is "running" without a
// process, and only what was queued starts by itself.
func (h *Handler) recover() error {
	ctx, cancel := context.WithTimeout(context.Background(), orphansFor)
	defer cancel()
	ended, err := h.procs.Orphans(ctx)
	if err != nil {
		return fmt.Errorf("processes of an earlier run are still there: %w", err)
	}
	if ended > 0 {
		h.log.Warn("imports: ended processes that an earlier run had left", "processes", ended)
	}
	entries, err := os.ReadDir(h.jobsDir)
	if err != nil {
		return err
	}
	var waiting []*job
	for _, e := range entries {
		if !e.IsDir() || !validID(e.Name()) {
			continue // not ours
		}
		j, err := h.load(e.Name())
		if err != nil {
			return err
		}
		if j == nil {
			continue
		}
		rec := j.record()
		h.jobs[j.id] = j
		if key := rec.keyID(); key != "" {
			h.keys[key] = j.id
		}
		if rec.State == StateQueued {
			waiting = append(waiting, j)
		}
	}
	slices.SortFunc(waiting, func(a, b *job) int { return a.record().Queued.Compare(b.record().Queued) })
	for _, j := range waiting {
		t, err := h.target(ctx, j.record().Target)
		if err != nil {
			j.finish(OutcomeFailed, func(rec *record) {
				rec.Problem = newProblem("no-target", "The target does not exist any more", "")
			}, err)
			continue
		}
		h.queue.waiting = append(h.queue.waiting, queued{j: j, target: j.record().Target, lock: t.Lock})
	}
	return nil
}

// load reads one import and brings it into a state that is true now. It
// returns nil for what nobody knows of.
func (h *Handler) load(id string) (*job, error) {
	dir := filepath.Join(h.jobsDir, id)
	rec, err := readRecord(dir, id)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// A creation or a removal that was cut short: nobody has its id, or
		// nobody wants it.
		return nil, h.disk.removeImport(dir)
	case errors.Is(err, seal.ErrDamaged):
		h.log.Error("import: the record is damaged", "import", id)
		rec = damagedRecord(dir, id)
	case err != nil:
		return nil, err
	}
	if rec.State == StateReceiving && !rec.Resumable {
		h.log.Info("import: an upload that cannot go on is removed", "import", id, "target", rec.Target)
		return nil, h.disk.removeImport(dir)
	}
	if err := removeTemp(h.disk, dir); err != nil {
		return nil, err
	}
	if rec.State != StateDone {
		rec.Epoch, rec.Seq = newEpoch(), max(rec.Seq, lastSeq(dir))
	}
	j := h.newJob(rec)
	if err := h.account(j); err != nil {
		return nil, err
	}
	h.settle(j)
	return j, nil
}

// settle ends what the crash has ended already.
func (h *Handler) settle(j *job) {
	rec := j.rec
	switch rec.State {
	case StateRunning:
		if !h.sameData(rec) {
			j.rec.HasData = false
		}
		j.finish(OutcomeInterrupted, func(rec *record) {
			rec.Problem = newProblem("interrupted", "The import was interrupted", "the server stopped while it ran")
			rec.Problem.Hint = "what it had done until then may be in the target; check, then retry"
		}, errors.New("the server stopped"))
	case StateReady:
		// All bytes are there and the client may have no answer yet; it would
		// upload again, so this one does not start by itself.
		j.rec.HasData = j.rec.HasData && h.sameData(rec)
		j.finish(OutcomeFailed, func(rec *record) {
			rec.Problem = newProblem("interrupted", "The upload was interrupted while it was checked", "")
			rec.Problem.Hint = "retry it, or upload the file again"
		}, errors.New("the server stopped"))
	case StateQueued:
		switch {
		case rec.CancelRequested:
			j.finish(OutcomeCanceled, nil, errCanceled)
		case !h.sameData(rec):
			j.rec.HasData = false
			j.finish(OutcomeFailed, func(rec *record) {
				rec.Problem = newProblem("lost", "The upload was lost", "the machine stopped before it was safely stored")
			}, nil)
		default:
			_ = j.edit(func(*record) {})
		}
	case StateReceiving:
		if rec.CancelRequested {
			j.finish(OutcomeCanceled, nil, errCanceled)
			return
		}
		j.meter = newMeter(rec.Length, h.cfg.StallAfter, time.Now())
		_ = j.edit(func(*record) {})
	case StateDone:
		if !rec.HasData {
			j.dropData()
		}
	}
}

// sameData reports whether the bytes are what was uploaded. Within one boot
// the page cache has kept them; after a power failure only synced bytes count,
// or those that have the right digest.
func (h *Handler) sameData(rec record) bool {
	if rec.File != "" {
		return true
	}
	path := filepath.Join(h.jobsDir, rec.ID, fileData)
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() != rec.Source.Size {
		return false
	}
	if rec.Boot == h.boot || rec.Synced {
		return true
	}
	if rec.Source.SHA256 == "" {
		return false
	}
	sum, err := fileDigest(context.Background(), path)
	return err == nil && sum == rec.Source.SHA256
}

// account opens the import's account with what is on disk.
func (h *Handler) account(j *job) error {
	if j.rec.File != "" {
		return nil
	}
	var size int64
	if info, err := os.Lstat(j.dataPath()); err == nil {
		size = info.Size()
	}
	j.space = h.spool.adopt(j.rec.Owner, size)
	if j.rec.State == StateReceiving {
		j.base = size
		_ = j.space.promise(max(j.rec.Length-size, 0)) // no room now: the next part will hear of it
	}
	return nil
}

// readRecord reads and checks a record.
func readRecord(dir, id string) (record, error) {
	f, err := os.OpenFile(filepath.Join(dir, fileMeta), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return record{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, recordMax))
	if err != nil {
		return record{}, err
	}
	return parseRecord(b, id)
}

// recordMax bounds a record: stages, warnings and texts are capped.
const recordMax = 1 << 20

func parseRecord(b []byte, id string) (record, error) {
	object, err := seal.Open(b)
	if err != nil {
		return record{}, err
	}
	var rec record
	dec := json.NewDecoder(bytes.NewReader(object))
	if err := dec.Decode(&rec); err != nil || rec.ID != id || rec.Version != recordVersion {
		return record{}, seal.ErrDamaged
	}
	known := []State{StateReceiving, StateReady, StateQueued, StateRunning, StateDone}
	if !slices.Contains(known, rec.State) || (rec.State == StateDone) != (rec.Outcome != "") {
		return record{}, seal.ErrDamaged
	}
	return rec, nil
}

// damagedRecord stands for a record that cannot be read. Whose it was is not
// known, so only an Admin sees it.
func damagedRecord(dir, id string) record {
	now := time.Now()
	created := now
	if info, err := os.Stat(dir); err == nil {
		created = info.ModTime()
	}
	rec := record{
		Version: recordVersion, ID: id, Target: damagedTarget, Owner: damagedOwner, Created: created, Ended: now, Length: -1,
		phase: phase{State: StateDone, Outcome: OutcomeInterrupted, Attempt: 1}, Epoch: newEpoch(), Source: Source{Size: -1},
	}
	rec.Problem = newProblem("journal-damaged", "The record of this import is damaged", "what became of it is not known")
	return rec
}

// damagedOwner and damagedTarget are no user and no target that can exist.
const (
	damagedOwner  = "\x00damaged"
	damagedTarget = "(damaged)"
)

// lastSeq is the number of the last event in the journal.
func lastSeq(dir string) uint64 {
	f, err := os.Open(filepath.Join(dir, fileEvents))
	if err != nil {
		return 0
	}
	defer f.Close()
	entries := parseEvents(f, func(int64, int) ([]byte, error) { return nil, nil })
	if len(entries) == 0 {
		return 0
	}
	return entries[len(entries)-1].seq
}

func removeTemp(d disk, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), tmpSuffix) {
			if err := d.remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
