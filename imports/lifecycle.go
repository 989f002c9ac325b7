package imports

import (
	"context"
	"errors"
	"os"
	"time"
)

// finish ends an import with an outcome. It does nothing when it has ended
// already.
func (j *job) finish(o Outcome, edit func(*record), cause error) {
	now := time.Now()
	err := j.move(trigEnd, o, func(rec *record) {
		rec.Ended = now
		rec.enterStage("", now)
		rec.HasData = rec.HasData && o.Retryable() && j.h.cfg.KeepData > 0
		if edit != nil {
			edit(rec)
		}
	})
	if errors.Is(err, errTransition) {
		return
	}
	rec := j.record()
	if err != nil {
		j.h.log.Error("import: the end could not be written down", "import", j.id, "outcome", o, "err", err)
	}
	if !rec.HasData {
		j.dropData()
		if err != nil { // there may be room for the record now
			_ = j.edit(func(*record) {})
		}
	}
	if err := j.log.settle(); err != nil {
		j.h.log.Warn("import: the journal of the events is not complete", "import", j.id, "err", err)
	}
	if rec.HasData && !rec.Synced {
		j.h.background(j.syncData)
	}
	j.h.metrics.ended(rec)
	detail := ""
	if rec.Problem != nil {
		detail = rec.Problem.Title
	}
	j.h.audit(rec, "end", string(o), detail)
	j.h.log.Info("import ended", "import", j.id, "target", rec.Target, "outcome", o, "attempt", rec.Attempt,
		"bytes", rec.BytesIn, "seconds", now.Sub(rec.Created).Seconds(), "cause", cause)
}

// dropData removes the uploaded bytes and gives their space back.
func (j *job) dropData() {
	if err := j.disk.remove(j.dataPath()); err != nil {
		j.h.log.Error("import: the upload could not be removed", "import", j.id, "err", err)
		return
	}
	if a := j.allotment(); a != nil {
		a.release()
	}
}

func (j *job) allotment() *allotment {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.space
}

// forget removes an import without a trace: nobody knows its id yet, or its
// time is over.
func (h *Handler) forget(j *job) {
	j.mu.Lock()
	gone := j.gone
	j.gone = true
	j.mu.Unlock()
	if gone {
		return
	}
	rec := j.record()
	h.mu.Lock()
	delete(h.jobs, j.id)
	if key := rec.keyID(); key != "" && h.keys[key] == j.id {
		delete(h.keys, key)
	}
	h.mu.Unlock()
	j.saving.Lock() // nothing is being written any more, and nothing will be
	defer j.saving.Unlock()
	_ = j.log.settle()
	if err := j.disk.removeImport(j.dir); err != nil {
		h.log.Error("import: the directory could not be removed", "import", j.id, "err", err)
	}
	if a := j.allotment(); a != nil {
		a.release()
	}
}

// keyID is what an Idempotency-Key is unique in.
func (r *record) keyID() string {
	if r.Key == "" {
		return ""
	}
	return r.Target + "\x00" + r.Owner + "\x00" + r.Key
}

// requestCancel asks for the end. It is idempotent; the end itself comes when
// nothing of the import is at work any more.
func (h *Handler) requestCancel(j *job) error {
	if j.record().State == StateDone {
		return nil
	}
	if err := j.move(trigCancel, "", nil); err != nil && !errors.Is(err, errTransition) {
		return err
	}
	j.mu.Lock()
	live, receiver, state := j.live, j.receiver, j.rec.State
	j.mu.Unlock()
	switch {
	case live != nil:
		live.cancel(errCanceled)
	case receiver != nil:
		receiver.stop(errCanceled) // its request ends the import
	case state == StateReceiving, h.unqueue(j):
		j.finish(OutcomeCanceled, nil, errCanceled)
	}
	return nil
}

// retry starts another attempt with the same bytes.
func (h *Handler) retry(j *job) error {
	rec := j.record()
	if !rec.retryable() {
		return notRetryable(rec)
	}
	target, err := h.target(context.Background(), rec.Target)
	if err != nil {
		return err
	}
	if target.Lock {
		if holder := h.lockHolder(rec.Target, j); holder != nil {
			return h.locked(holder, Access{User: rec.Owner}, "../../")
		}
	}
	j.log.restart()
	now := time.Now()
	err = j.move(trigRetry, "", func(rec *record) {
		rec.Queued, rec.Started, rec.Ended = now, time.Time{}, time.Time{}
		rec.Exit, rec.Problem, rec.Warnings = nil, nil, Warnings{}
		rec.BytesIn, rec.BytesOut, rec.Stages = 0, 0, nil
		rec.enterStage(stageQueued, now)
	})
	if err != nil {
		j.log.resume(j.record().State == StateDone)
		if errors.Is(err, errTransition) {
			return notRetryable(j.record())
		}
		return err
	}
	j.announceStage(stageQueued, now)
	h.enqueue(j, target.Lock)
	return nil
}

// syncData makes the uploaded bytes durable: the import has to wait, or its
// bytes are kept.
func (j *job) syncData() {
	f, err := os.Open(j.dataPath())
	if err != nil {
		return
	}
	defer f.Close()
	err = j.disk.sync(f)
	if err == nil && !j.record().Synced {
		err = j.edit(func(rec *record) { rec.Synced = true })
	}
	if err != nil && !j.forgotten() {
		j.h.log.Warn("import: the upload could not be synced", "import", j.id, "err", err)
	}
}

func (j *job) forgotten() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.gone
}
