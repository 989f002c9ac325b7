package logs

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// httpWriter writes to a response with a deadline that rolls: it bounds each
// write and not the stream, so that a server's WriteTimeout does not cut it.
type httpWriter struct {
	w       http.ResponseWriter
	rc      *http.ResponseController
	timeout time.Duration

	mu     sync.Mutex // guards ending against the roll
	ending bool
}

// lastWord is how long a viewer that must go is given to take the end message.
const lastWord = time.Second

func (o *httpWriter) roll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.ending && o.timeout > 0 {
		_ = o.rc.SetWriteDeadline(time.Now().Add(o.timeout))
	}
}

// hurry gives a write that is stuck a second more.
func (o *httpWriter) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ending = true
	_ = o.rc.SetWriteDeadline(time.Now().Add(lastWord))
}

func (o *httpWriter) write(b []byte) error {
	o.roll()
	if _, err := o.w.Write(b); err != nil {
		return &writeError{err}
	}
	return nil
}

// begin sends the headers, and a greeting after them.
func (o *httpWriter) begin(greeting string) error {
	o.w.WriteHeader(http.StatusOK)
	if greeting != "" {
		if err := o.write([]byte(greeting)); err != nil {
			return err
		}
	}
	return o.flush()
}

func (o *httpWriter) flush() error {
	o.roll()
	if err := o.rc.Flush(); err != nil {
		return &writeError{err}
	}
	return nil
}

// httpTransport is a transport that can say goodbye.
type httpTransport interface {
	transport
	contentType() string
	close(ending) error // the end message
}

func (s *stream) serveHTTP(w http.ResponseWriter) error {
	o := &httpWriter{w: w, rc: http.NewResponseController(w), timeout: s.h.cfg.WriteTimeout}
	kind := accepts(s.req)
	var t httpTransport
	switch kind {
	case "sse":
		t = &sseTransport{o}
	case "ndjson":
		t = &ndjsonTransport{o}
	default:
		t = &textTransport{httpWriter: o}
	}
	// A writer that hides its connection would hold everything back.
	if err := o.rc.SetWriteDeadline(time.Time{}); errors.Is(err, http.ErrNotSupported) {
		return &gate.Problem{
			Name: "wrapped-writer", Title: "Internal error", Status: http.StatusInternalServerError,
			Detail: "a middleware of the service hides the connection",
			Hint:   "mount this handler outside http.TimeoutHandler, and give ResponseWriter wrappers an Unwrap method",
			Err:    err,
		}
	}
	head := w.Header()
	head.Set("Content-Type", t.contentType())
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no")
	head.Set("X-Content-Type-Options", "nosniff")
	if s.q.download {
		// The name is one of letters, digits and _.@:-, so it needs no quoting.
		head.Set("Content-Disposition", `attachment; filename="`+s.name+extension(kind)+`"`)
	}
	if s.req.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer s.stop(nil)
	s.watch(&wg)
	// net/http ends the request's context when the client goes.
	defer context.AfterFunc(s.req.Context(), func() { s.stop(context.Canceled) })()
	defer context.AfterFunc(s.ctx, o.hurry)()
	err := s.run(t, kind)
	if e, silent := endingOf(err); !silent {
		_ = t.close(e)
		_ = o.flush()
	}
	return nil
}

func extension(kind string) string {
	if kind == "ndjson" {
		return ".ndjson"
	}
	return ".log"
}

func endEvent(e ending) *segment {
	return event("end", endMessage{"end", e.why, e.retryable}, 0, "", nil)
}
