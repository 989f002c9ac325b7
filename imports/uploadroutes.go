package imports

import (
	"errors"
	"net/http"

	"github.com/pruvon/pruvon/internal/gate"
)

// upload starts an import: with a whole upload, with an empty creation, or with
// a file that is on the server.
func (q *request) upload() error {
	if err := q.admit(gate.ActionUpload); err != nil {
		return err
	}
	if q.h.closing() {
		return errShuttingDown()
	}
	t, err := q.h.target(q.r.Context(), q.target)
	if err != nil {
		return err
	}
	release, err := q.h.guard.Reserve(q.who.User, q.who.Addr)
	if err != nil {
		return err
	}
	defer release()
	if name := q.r.URL.Query().Get("file"); name != "" && q.r.ContentLength == 0 {
		j, err := q.h.fromServer(order{target: q.target, t: t, who: q.who, length: -1}, name)
		if err != nil {
			return err
		}
		return q.accepted(j, q.target+"/"+j.id)
	}
	o, err := q.h.readOrder(q.r, q.target, t, q.who)
	if err != nil {
		return err
	}
	location := func(j *job) string { return q.target + "/" + j.id }
	if o.resumable {
		j, _, err := q.h.create(o)
		if err != nil {
			return err
		}
		q.w.Header().Set("Location", location(j))
		q.w.Header().Set(hdrComplete, "?0")
		q.w.Header().Set(hdrOffset, "0")
		return q.reply(http.StatusCreated, j.snapshot())
	}
	j, err := q.h.upload(q.w, q.r, o)
	if err != nil {
		return err
	}
	return q.accepted(j, location(j))
}

// content is the upload resource of a resumable upload.
func (q *request) content() error {
	if err := q.allow(http.MethodHead, http.MethodPatch, http.MethodDelete); err != nil {
		return err
	}
	action := gate.ActionUpload
	if q.r.Method == http.MethodDelete {
		action = gate.ActionCancel
	}
	if err := q.admit(action); err != nil {
		return err
	}
	j, err := q.find()
	if err != nil {
		return err
	}
	switch q.r.Method {
	case http.MethodHead:
		return q.h.uploadHead(q.w, j)
	case http.MethodDelete:
		if s := j.record().State; s != StateReceiving {
			return errNotReceiving(s)
		}
		if err := q.h.requestCancel(j); err != nil {
			return errStorage(err)
		}
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return q.patch(j)
}

func (q *request) patch(j *job) error {
	if q.h.closing() {
		return errShuttingDown()
	}
	release, err := q.h.guard.Reserve(q.who.User, q.who.Addr)
	if err != nil {
		return err
	}
	defer release()
	t, err := q.h.target(q.r.Context(), q.target)
	if err != nil {
		return err
	}
	p, err := readPatch(q.r)
	if err != nil {
		return err
	}
	done, err := q.h.append(q.w, q.r, j, p, t)
	if err != nil {
		q.h.metrics.aborted(err)
		if errors.Is(err, errCanceled) || j.record().CancelRequested {
			j.finish(OutcomeCanceled, nil, errCanceled)
		}
		return err
	}
	if !done {
		q.w.Header().Set(hdrComplete, "?0")
		q.w.Header().Set("Cache-Control", "no-store")
		q.w.WriteHeader(http.StatusNoContent)
		return nil
	}
	// An upload takes its time; whether its sender may still do this is asked
	// once more before anything comes of it.
	if _, err := q.h.guard.Recheck(q.r, Resource{Part: "imports", Name: q.target, ID: q.id, Action: gate.ActionUpload}); err != nil {
		return err
	}
	if err := q.h.completeParts(j); err != nil {
		return err
	}
	q.w.Header().Set(hdrComplete, "?1")
	return q.accepted(j, "../"+j.id)
}
