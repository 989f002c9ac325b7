package imports

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// order is a checked request for a new import.
type order struct {
	target    string
	t         Target
	who       gate.Principal
	name      string
	length    int64 // of the upload; -1 unknown
	digest    string
	key       string
	resumable bool
	file      string // a server-side file
	recheck   func() error
}

// readOrder checks everything that can be checked before the first byte of the
// body is read.
func (h *Handler) readOrder(r *http.Request, target string, t Target, who gate.Principal) (o order, err error) {
	o = order{target: target, t: t, who: who, length: -1}
	if o.digest, err = reprDigest(r.Header); err != nil {
		return o, err
	}
	if o.key, err = idempotencyKey(r.Header); err != nil {
		return o, err
	}
	if o.name, err = fileName(r.Header.Get("Content-Disposition")); err != nil {
		return o, err
	}
	complete, present, err := sfBool(r.Header, hdrComplete)
	if err != nil {
		return o, err
	}
	length, hasLength, err := sfInt(r.Header, hdrLength)
	if err != nil {
		return o, err
	}
	o.resumable = present && !complete
	switch {
	case o.resumable:
		if r.ContentLength != 0 {
			return o, errLength("an upload that goes on in parts is created empty; its bytes follow with PATCH")
		}
		if hasLength {
			o.length = length
		}
	case hasLength && r.ContentLength >= 0 && length != r.ContentLength && !isMultipart(r):
		return o, errLength("Upload-Length and Content-Length disagree")
	case hasLength && !isMultipart(r):
		o.length = length
	default:
		o.length = r.ContentLength
	}
	if o.length == 0 {
		return o, errEmpty()
	}
	o.recheck = func() error {
		_, err := h.guard.Recheck(r, Resource{Name: target, Action: gate.ActionUpload})
		return err
	}
	return o, h.admit(o, isMultipart(r))
}

// admit checks limits, lock and quota of a new upload.
func (h *Handler) admit(o order, form bool) error {
	limit := o.t.MaxBytes
	slack := int64(0)
	if form {
		slack = multipartSlack // the form around the file
	}
	if limit >= 0 && o.length-slack > limit {
		return errTooLarge(limit)
	}
	if o.t.Lock {
		if holder := h.lockHolder(o.target, nil); holder != nil {
			return h.locked(holder, o.who.Access, "")
		}
	}
	return nil
}

// multipartSlack is how much of a form may be something else than the file.
const multipartSlack = 1 << 20

func isMultipart(r *http.Request) bool {
	typ, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && typ == "multipart/form-data"
}

// admitOpenLocked caps the unfinished uploads of one user.
func (h *Handler) admitOpenLocked(user string) error {
	if h.cfg.OpenUploads < 0 {
		return nil
	}
	n := 0
	for _, j := range h.jobs {
		if rec := j.record(); rec.State == StateReceiving && rec.Owner == user {
			n++
		}
	}
	if n < h.cfg.OpenUploads {
		return nil
	}
	return &gate.Problem{
		Name: "open-uploads", Title: "Too many unfinished uploads", Status: http.StatusTooManyRequests,
		Detail: fmt.Sprintf("%d uploads are open already", n), Hint: "finish or cancel them first", RetryAfter: 30 * time.Second,
	}
}

// create makes an import out of an order. With a known Idempotency-Key it
// returns the import that was made first instead.
func (h *Handler) create(o order) (j *job, replayed bool, err error) {
	now := time.Now()
	rec := record{
		Version: recordVersion, ID: newID(), Target: o.target, Owner: o.who.User, Addr: addrText(o.who.Addr),
		phase: phase{State: StateReceiving, Attempt: 1}, Epoch: newEpoch(), Boot: h.boot,
		Created: now, Touched: now, Source: Source{Name: o.name, Size: o.length}, Length: o.length,
		Resumable: o.resumable, Digest: o.digest, File: o.file, Key: o.key, KeyPrint: o.print(),
	}
	rec.enterStage(stageReceiving, now)
	j = h.newJob(rec)
	j.meter = newMeter(o.length, h.cfg.StallAfter, now)
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil, false, errShuttingDown()
	}
	if key := rec.keyID(); key != "" {
		if first, ok := h.jobs[h.keys[key]]; ok {
			h.mu.Unlock()
			return first, true, first.matches(o)
		}
		h.keys[key] = j.id
	}
	if err := h.admitOpenLocked(o.who.User); err != nil {
		delete(h.keys, rec.keyID())
		h.mu.Unlock()
		return nil, false, err
	}
	h.jobs[j.id] = j
	h.mu.Unlock()
	if o.file == "" {
		if j.space, err = h.spool.open(o.who.User, max(o.length, 0), 0); err != nil {
			h.forget(j)
			return nil, false, err
		}
	}
	if err := j.create(); err != nil {
		h.forget(j)
		return nil, false, errStorage(err)
	}
	h.audit(rec, "upload", "", "")
	return j, false, nil
}

// print is what must be the same when a key is used again.
func (o order) print() string {
	if o.key == "" {
		return ""
	}
	return fmt.Sprintf("%d %t %s %q %q", o.length, o.resumable, o.digest, o.name, o.file)
}

func (j *job) matches(o order) error {
	rec := j.record()
	switch {
	case rec.KeyPrint != o.print():
		return errKeyReused()
	case rec.State == StateReceiving && !rec.Resumable:
		return errKeyBusy()
	}
	return nil
}

// upload takes a whole upload in one request.
func (h *Handler) upload(w http.ResponseWriter, r *http.Request, o order) (*job, error) {
	j, replayed, err := h.create(o)
	if err != nil || replayed {
		return j, err
	}
	err = h.receiveAll(w, r, j, o)
	if err == nil {
		// An upload takes its time; whether its sender may still do this is
		// asked once more before anything comes of it.
		err = o.recheck()
	}
	if err == nil {
		err = h.complete(j)
	}
	if err != nil {
		// Nobody can go on with it, so nothing of it stays.
		h.metrics.aborted(err)
		h.abandon(j, err)
		return nil, err
	}
	return j, nil
}

// abandon ends an upload that was made and lost in one request, and forgets
// it: watchers are told, the disk is cleared.
func (h *Handler) abandon(j *job, cause error) {
	outcome := OutcomeRejected
	if errors.Is(cause, errCanceled) || gate.AsProblem(cause).Name == "canceled" || gate.AsProblem(cause).Name == "upload-cut" {
		outcome = OutcomeCanceled
	}
	p := gate.AsProblem(cause)
	j.finish(outcome, func(rec *record) { rec.Problem = newProblem(p.Name, p.Title, p.Detail) }, cause)
	h.forget(j)
}

func (h *Handler) receiveAll(w http.ResponseWriter, r *http.Request, j *job, o order) error {
	c, err := j.attach(r.Context(), w)
	if err != nil {
		return err
	}
	defer j.detach(c)
	f, _, err := j.openData()
	if err != nil {
		return errStorage(err)
	}
	defer f.Close()
	j.disk.did("create")
	in := &intake{j: j, c: c, f: f, limit: o.t.MaxBytes, over: func() *gate.Problem { return errTooLarge(o.t.MaxBytes) }}
	in.hash = newBackgroundHash(o.digest != "")
	defer in.hash.stop()
	var n int64
	if isMultipart(r) {
		n, err = in.form(r)
	} else {
		n, err = in.copy(r.Body)
		if err == nil && o.length >= 0 && n != o.length {
			err = errLength(fmt.Sprintf("%d bytes came instead of %d", n, o.length))
		}
	}
	switch {
	case err != nil:
		return err
	case n == 0:
		return errEmpty()
	case o.digest != "" && in.hash.sum() != o.digest:
		return errDigest()
	}
	j.setDigest(o.digest)
	return f.Close()
}

// form stores the file of a multipart form (RFC 7578). The form is read as a
// stream: net/http's own ParseMultipartForm would write a second copy.
func (in *intake) form(r *http.Request) (int64, error) {
	mr, err := r.MultipartReader()
	if err != nil {
		return 0, gate.BadRequest("the form has no boundary")
	}
	for fields := 0; ; fields++ {
		if err := in.c.arm(); err != nil {
			return 0, in.explain(err)
		}
		part, err := mr.NextPart()
		if err == io.EOF {
			return 0, gate.BadRequest("the form has no file")
		}
		if err != nil {
			return 0, in.malformed(err)
		}
		disposition := part.Header.Get("Content-Disposition")
		if part.FileName() == "" {
			if n, err := io.Copy(io.Discard, io.LimitReader(part, formField+1)); err != nil || n > formField || fields >= formFields {
				return 0, gate.BadRequest("the form has too many or too large fields besides the file")
			}
			continue
		}
		name, err := fileName(disposition)
		if err != nil {
			return 0, err
		}
		n, err := in.copy(part)
		if err != nil {
			return n, err
		}
		in.j.named(name)
		return n, in.formEnd(mr.NextPart)
	}
}

const (
	formField  = 64 << 10
	formFields = 32
)

// formEnd makes sure that the form is complete: a file whose last boundary is
// missing was cut off.
func (in *intake) formEnd(next func() (*multipart.Part, error)) error {
	for range formFields {
		part, err := next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return in.malformed(err)
		case part.FileName() != "":
			return gate.BadRequest("the form has more than one file")
		}
		if n, err := io.Copy(io.Discard, io.LimitReader(part, formField+1)); err != nil || n > formField {
			return gate.BadRequest("the form has too large fields besides the file")
		}
	}
	return gate.BadRequest("the form has too many fields")
}

func (in *intake) malformed(err error) error {
	// The parser wraps io.EOF where the body ends before the last boundary.
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) || in.c.stopped() != nil {
		return in.explain(err)
	}
	return gate.BadRequest("the form is malformed")
}

// named takes over a file name that came with the body.
func (j *job) named(name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rec.Source.Name = name
}
