package imports

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// patch is a checked PATCH.
type patch struct {
	offset   int64
	complete bool
}

func readPatch(r *http.Request) (p patch, err error) {
	offset, present, err := sfInt(r.Header, hdrOffset)
	if err != nil {
		return p, err
	}
	if !present {
		return p, gate.BadRequest(hdrOffset + " is required")
	}
	p.offset = offset
	p.complete, _, err = sfBool(r.Header, hdrComplete)
	return p, err
}

// uploadHead answers where an upload stands. It never disturbs the request
// that is writing.
func (h *Handler) uploadHead(w http.ResponseWriter, j *job) error {
	rec := j.record()
	offset, err := j.offset(rec)
	if err != nil {
		return errStorage(err)
	}
	hd := w.Header()
	hd.Set(hdrOffset, itoa(offset))
	hd.Set(hdrComplete, sfBoolText(rec.State != StateReceiving && (rec.State != StateDone || offset > 0)))
	if rec.Length >= 0 {
		hd.Set(hdrLength, itoa(rec.Length))
	}
	if t, err := h.target(context.Background(), rec.Target); err == nil && t.MaxBytes >= 0 {
		hd.Set(hdrLimit, "max-size="+itoa(t.MaxBytes))
	}
	hd.Set("Cache-Control", "no-store")
	if rec.State == StateDone && offset == 0 {
		return &gate.Problem{Name: "gone", Title: "The upload is over", Status: http.StatusGone, Detail: fmt.Sprintf("the import has ended as %s", rec.Outcome)}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// offset is how many bytes of the upload are stored. After the upload it stays
// at the size, also when the bytes have been removed.
func (j *job) offset(rec record) (int64, error) {
	if rec.State != StateReceiving {
		if rec.HasData || rec.Outcome.Succeeded() {
			return rec.Source.Size, nil
		}
		return 0, nil
	}
	f, size, err := j.openData()
	if err != nil {
		return 0, err
	}
	return size, f.Close()
}

func sfBoolText(b bool) string {
	if b {
		return "?1"
	}
	return "?0"
}

// append takes one part of a resumable upload. done says that it was the last.
func (h *Handler) append(w http.ResponseWriter, r *http.Request, j *job, p patch, t Target) (done bool, err error) {
	rec := j.record()
	if !rec.Resumable {
		return false, gate.BadRequest("this upload takes no parts")
	}
	if rec.State != StateReceiving && p.complete && r.ContentLength == 0 && p.offset == rec.Source.Size && rec.Outcome == "" {
		return true, nil // the answer to the last part was lost, and it is sent again
	}
	c, err := j.attach(r.Context(), w)
	if err != nil {
		return false, err
	}
	defer j.detach(c)
	f, size, err := j.openData()
	if err != nil {
		return false, errStorage(err)
	}
	defer f.Close()
	w.Header().Set(hdrOffset, itoa(size))
	if p.offset != size {
		return false, errOffset(size, p.offset)
	}
	limit, over := appendLimit(rec, t, size)
	switch {
	case limit >= 0 && r.ContentLength > limit:
		return false, over()
	case p.complete && rec.Length >= 0 && r.ContentLength >= 0 && size+r.ContentLength != rec.Length:
		return false, errLength(fmt.Sprintf("the upload would end at byte %d of %d", size+r.ContentLength, rec.Length))
	case r.ContentLength > 0 && rec.Length < 0:
		if err := j.allotment().promise(r.ContentLength); err != nil {
			return false, err
		}
	}
	j.mu.Lock()
	j.base = size
	j.mu.Unlock()
	n, err := (&intake{j: j, c: c, f: f, limit: limit, over: over}).copy(r.Body)
	size += n
	w.Header().Set(hdrOffset, itoa(size))
	if err == nil && r.ContentLength >= 0 && n != r.ContentLength {
		err = errCut(nil)
	}
	j.touch()
	if err != nil {
		return false, err
	}
	j.received(time.Now(), n)
	if !p.complete {
		return false, nil
	}
	switch {
	case size == 0:
		return false, errEmpty()
	case rec.Length >= 0 && size != rec.Length:
		return false, errLength(fmt.Sprintf("the upload ends at byte %d of %d", size, rec.Length))
	}
	return true, nil
}

// appendLimit is how many bytes a part may add, and what to say of more.
func appendLimit(rec record, t Target, size int64) (limit int64, over func() *gate.Problem) {
	if rec.Length >= 0 {
		return rec.Length - size, func() *gate.Problem {
			return errLength(fmt.Sprintf("the upload was announced with %d bytes and gets more", rec.Length))
		}
	}
	if t.MaxBytes < 0 {
		return -1, nil
	}
	return max(t.MaxBytes-size, 0), func() *gate.Problem { return errTooLarge(t.MaxBytes) }
}

// touch notes that the upload is alive. A crash may lose it; the file's own
// time stands for it then.
func (j *job) touch() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rec.Touched = time.Now()
}

// completeParts ends a resumable upload with its last part. Content that is
// refused ends the import: no further part could mend it.
func (h *Handler) completeParts(j *job) error {
	if j.record().State != StateReceiving {
		return nil
	}
	err := h.checkDigest(j)
	if err == nil {
		err = h.complete(j)
	}
	if err == nil {
		return nil
	}
	h.metrics.aborted(err)
	p := gate.AsProblem(err)
	outcome := OutcomeRejected
	switch {
	case p.Name == "canceled":
		outcome = OutcomeCanceled
	case p.Status >= http.StatusInternalServerError:
		outcome = OutcomeFailed
	}
	j.finish(outcome, func(rec *record) {
		rec.HasData = false
		rec.Problem = newProblem(p.Name, p.Title, p.Detail)
		rec.Problem.Hint = p.Hint
	}, err)
	j.dropData()
	return err
}

// checkDigest compares a resumable upload with what was announced.
func (h *Handler) checkDigest(j *job) error {
	rec := j.record()
	if rec.Digest == "" {
		return nil
	}
	sum, err := fileDigest(h.life, j.dataPath())
	switch {
	case err != nil:
		return errStorage(err)
	case sum != rec.Digest:
		return errDigest()
	}
	j.setDigest(sum)
	return nil
}
