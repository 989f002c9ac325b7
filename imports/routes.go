package imports

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/wsconn"
)

// request is one request on its way through the routes.
type request struct {
	h      *Handler
	w      http.ResponseWriter
	r      *http.Request
	target string
	id     string
	sub    string // events, log, content, cancel, retry
	who    gate.Principal
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := &request{h: h, w: w, r: r}
	if err := q.serve(); err != nil {
		q.refuse(err)
	}
}

// refuse answers with a problem document. The body of the request is left
// unread and the connection closed: to drain it after an answer waits, behind
// nginx without request buffering, for bytes that nginx no longer sends. With
// "Connection: close" net/http does not drain it before the answer; what it
// drains after it ends with the read deadline.
func (q *request) refuse(err error) {
	p := gate.AsProblem(err)
	if p.Err != nil && p.Status >= http.StatusInternalServerError {
		q.h.log.Error("import request refused", "target", capped(q.target), "status", p.Status, "err", p)
	} else {
		q.h.log.Debug("import request refused", "target", capped(q.target), "status", p.Status, "err", p)
	}
	if q.r.ContentLength != 0 && q.r.Body != nil {
		rc := http.NewResponseController(q.w)
		q.w.Header().Set("Connection", "close")
		defer func() { _ = rc.SetReadDeadline(time.Now().Add(drainFor)) }()
	}
	p.Write(q.w, q.r)
}

func capped(s string) string {
	if len(s) > 128 {
		s = s[:128]
	}
	return s
}

func (q *request) serve() error {
	if p := wsconn.Stripped(q.r); p != nil {
		return p
	}
	check := q.h.guard.Check
	if wsconn.Wants(q.r) {
		check = q.h.guard.CheckUpgrade
	}
	if err := check(q.r); err != nil {
		return err
	}
	if err := q.split(); err != nil {
		return err
	}
	switch {
	case q.target == "":
		return q.targets()
	case q.id == "":
		return q.collection()
	case q.sub == "":
		return q.single()
	}
	switch q.sub {
	case "events":
		return q.events()
	case "log":
		return q.printed()
	case "content":
		return q.content()
	case "cancel":
		return q.cancel()
	case "retry":
		return q.retry()
	}
	return gate.NotFound("there is no such resource")
}

// split takes the path apart. A trailing slash belongs to the mount point
// alone.
func (q *request) split() error {
	path := strings.TrimPrefix(q.r.URL.Path, "/")
	if path == "" {
		return nil
	}
	parts := strings.Split(path, "/")
	if len(parts) > 3 {
		return gate.NotFound("there is no such resource")
	}
	for _, p := range parts {
		if p == "" {
			return gate.NotFound("there is no such resource")
		}
	}
	q.target = parts[0]
	if len(parts) > 1 {
		q.id = parts[1]
	}
	if len(parts) > 2 {
		q.sub = parts[2]
	}
	if !namePattern.MatchString(q.target) || q.id != "" && q.id != "files" && !validID(q.id) {
		return gate.NotFound("there is no such resource")
	}
	return nil
}

// admit asks the host. Who may only read gets no further with anything that
// writes.
func (q *request) admit(action Action) error {
	id := q.id
	if id == "files" {
		id = ""
	}
	who, err := q.h.guard.Admit(q.r, Resource{Part: "imports", Name: q.target, ID: id, Action: action})
	if err != nil {
		return err
	}
	q.who = who
	switch action {
	case gate.ActionUpload, gate.ActionCancel, gate.ActionRetry, gate.ActionDelete:
		if who.ReadOnly {
			return errReadOnly()
		}
	}
	return nil
}

func (q *request) find() (*job, error) { return q.h.find(q.target, q.id, q.who.Access) }

func (q *request) allow(methods ...string) error {
	for _, m := range methods {
		if q.r.Method == m {
			return nil
		}
	}
	return gate.MethodNotAllowed(q.w, methods...)
}

// reply answers with JSON.
func (q *request) reply(status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	hd := q.w.Header()
	hd.Set("Content-Type", "application/json")
	hd.Set("Cache-Control", "no-store")
	hd.Set("X-Content-Type-Options", "nosniff")
	q.w.WriteHeader(status)
	if q.r.Method != http.MethodHead {
		_, _ = q.w.Write(append(b, '\n'))
	}
	return nil
}

// single is /{target}/{id}.
func (q *request) single() error {
	if q.id == "files" {
		return q.files()
	}
	switch q.r.Method {
	case http.MethodGet, http.MethodHead:
		if err := q.admit(gate.ActionView); err != nil {
			return err
		}
		j, err := q.find()
		if err != nil {
			return err
		}
		etag := fmt.Sprintf("%q", j.record().Epoch+"-"+itoa(int64(j.log.number())))
		q.w.Header().Set("ETag", etag)
		if s := j.snapshot(); s.State == StateDone && q.r.Header.Get("If-None-Match") == etag {
			q.w.WriteHeader(http.StatusNotModified)
			return nil
		}
		return q.reply(http.StatusOK, j.snapshot())
	case http.MethodDelete:
		return q.remove()
	default:
		return gate.MethodNotAllowed(q.w, http.MethodGet, http.MethodHead, http.MethodDelete)
	}
}

func (q *request) files() error {
	if err := q.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	if err := q.admit(gate.ActionUpload); err != nil {
		return err
	}
	t, err := q.h.target(q.r.Context(), q.target)
	if err != nil {
		return err
	}
	if t.Files == "" {
		return gate.NotFound("this target takes no files from the server")
	}
	files, err := listServerFiles(t.Files)
	if err != nil {
		return err
	}
	return q.reply(http.StatusOK, map[string]any{"files": files})
}

func (q *request) remove() error {
	if err := q.admit(gate.ActionDelete); err != nil {
		return err
	}
	j, err := q.find()
	if err != nil {
		return err
	}
	if s := j.record().State; s != StateDone {
		return errLive(s)
	}
	rec := j.record()
	q.h.forget(j)
	rec.Owner, rec.Addr = q.who.User, addrText(q.who.Addr)
	q.h.audit(rec, "delete", "", "")
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (q *request) cancel() error {
	if err := q.allow(http.MethodPost); err != nil {
		return err
	}
	if err := q.admit(gate.ActionCancel); err != nil {
		return err
	}
	j, err := q.find()
	if err != nil {
		return err
	}
	rec := j.record()
	if err := q.h.requestCancel(j); err != nil {
		return errStorage(err)
	}
	rec.Owner, rec.Addr = q.who.User, addrText(q.who.Addr)
	q.h.audit(rec, "cancel", "", "")
	return q.accepted(j, "../"+j.id)
}

func (q *request) retry() error {
	if err := q.allow(http.MethodPost); err != nil {
		return err
	}
	if err := q.admit(gate.ActionRetry); err != nil {
		return err
	}
	j, err := q.find()
	if err != nil {
		return err
	}
	if q.h.closing() {
		return errShuttingDown()
	}
	if err := q.h.retry(j); err != nil {
		return err
	}
	rec := j.record()
	rec.Owner, rec.Addr = q.who.User, addrText(q.who.Addr)
	q.h.audit(rec, "retry", "", "")
	return q.accepted(j, "../"+j.id)
}

// accepted is the 202 of everything that goes on after the answer.
func (q *request) accepted(j *job, location string) error {
	q.w.Header().Set("Location", location) // relative: right under any prefix (RFC 9110 section 10.2.2)
	q.w.Header().Set("Retry-After", "1")
	return q.reply(http.StatusAccepted, j.snapshot())
}

// printed is the whole output.
func (q *request) printed() error {
	if err := q.allow(http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	if err := q.admit(gate.ActionView); err != nil {
		return err
	}
	j, err := q.find()
	if err != nil {
		return err
	}
	content, err := j.log.printed()
	if err != nil {
		return err
	}
	defer content.Close()
	hd := q.w.Header()
	hd.Set("Content-Type", "text/plain; charset=utf-8")
	hd.Set("Cache-Control", "no-store")
	hd.Set("X-Content-Type-Options", "nosniff")
	hd.Set("Content-Disposition", fmt.Sprintf("inline; filename=%q", q.target+"-"+q.id[:8]+".log"))
	http.ServeContent(q.w, q.r, "", time.Time{}, content)
	return nil
}
