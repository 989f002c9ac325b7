package logs

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// stream is one request: who asked for what, and its end.
type stream struct {
	h    *Handler
	name string
	src  Source
	q    query
	who  gate.Principal
	res  gate.Resource
	req  *http.Request

	from, to *cursor

	ctx  context.Context // ends with why the stream must end
	stop context.CancelCauseFunc
}

// openCursors reads the query's cursors; one that is not this log's is refused.
func (s *stream) openCursors() error {
	seal := newSealer(s.h.key, s.name)
	open := func(text, param string) (*cursor, error) {
		if text == "" {
			return nil, nil
		}
		c, err := seal.open(text)
		if err != nil {
			return nil, &gate.Problem{
				Name: "bad-cursor", Title: "Bad cursor", Status: http.StatusBadRequest,
				Detail: param + " is " + err.Error(), Hint: "open the log without it",
			}
		}
		return &c, nil
	}
	var err error
	if s.from, err = open(s.q.cursor, "cursor"); err != nil {
		return err
	}
	if s.to, err = open(s.q.to, "to"); err != nil {
		return err
	}
	if _, ranged := s.src.(Ranger); s.to != nil && s.from == nil && !ranged {
		return gate.BadRequest("this log keeps no history: to needs a cursor to begin from")
	}
	return nil
}

func (s *stream) serve(w http.ResponseWriter, isWS bool) error {
	if isWS {
		return s.serveWS(w)
	}
	return s.serveHTTP(w)
}

// watch runs beside the stream: it asks again whether the viewer may watch.
func (s *stream) watch(wg *sync.WaitGroup) {
	wg.Go(func() {
		if err := s.h.guard.Revalidate(s.ctx, s.req, s.res, s.who); err != nil {
			s.stop(err)
		}
	})
}

// run sends the stream to a transport and returns why it ended.
func (s *stream) run(out transport, kind string) error {
	s.h.guard.Audit(s.ctx, s.event("view", kind))
	v := &viewer{
		out: out, keep: newFilter(s.q), m: s.h.metrics.forView(kind),
		heartbeat: s.h.cfg.Heartbeat, beaten: time.Now(), searchTime: s.h.cfg.SearchTime, searchBytes: s.h.cfg.SearchBytes,
	}
	err := s.viewed(v)
	// A failed write ends net/http's context too; it is the cause then.
	var w *writeError
	if s.ctx.Err() != nil && !errors.As(err, &w) {
		err = context.Cause(s.ctx)
	}
	e, silent := endingOf(err)
	if !silent {
		err = errors.Join(err, v.open())
	}
	if e.why != "" {
		s.h.count(e, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.h.guard.Audit(ctx, s.event("end", e.why))
	return err
}

func (s *stream) event(kind, outcome string) gate.Event {
	return gate.Event{Kind: kind, User: s.who.User, Addr: s.who.Addr, Name: s.name, Outcome: outcome}
}

// viewed is view when what the host gives, a source's history or Redact,
// panics: a fault of the source.
func (s *stream) viewed(v *viewer) (err error) {
	defer func() {
		var fault *gate.HookError
		if errors.As(err, &fault) {
			err = &sourceEnd{err}
		}
	}()
	defer gate.Caught("Source or Redact", &err)
	return s.view(v)
}

// view finds the viewer's hub, or, for what ends by itself and comes from
// history, reads that alone.
func (s *stream) view(v *viewer) error {
	_, ranged := s.src.(Ranger)
	if ranged && (!s.q.follow || s.to != nil) {
		v.hub = s.h.newHub(s.name, s.src)
		return v.download(s.ctx, s.q, s.from, s.to)
	}
	h, err := s.h.hubs.acquire(s.name, s.src)
	if err != nil {
		return err
	}
	defer s.h.hubs.release(h)
	select {
	case <-h.ready:
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
	v.hub = h
	if !s.q.follow {
		v.quiet = time.Second
	}
	if s.to != nil && s.to.epoch == h.epoch {
		v.until = s.to.seq
	}
	if err := v.begin(s.ctx, s.q, s.from); err != nil {
		return err
	}
	return v.run(s.ctx)
}

// count tells the metrics and the log why a viewer was disconnected.
func (h *Handler) count(e ending, err error) {
	switch e.why {
	case endSlow:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return // the viewer left
		}
	case endFault:
		h.cfg.Logger.Error("log source failed", "part", "logs", "error", err)
	case endComplete, endExited:
		return
	}
	h.metrics.dropped.WithLabelValues(e.why).Inc()
}

// accepts picks the form of a stream by the Accept header: the first of ours
// that is named. Quality values are not weighed: clients name one.
func accepts(r *http.Request) string {
	for _, header := range r.Header["Accept"] {
		for part := range strings.SplitSeq(header, ",") {
			t, _, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			switch t {
			case "text/event-stream":
				return "sse"
			case "application/x-ndjson", "application/jsonl", "application/ndjson":
				return "ndjson"
			case "text/plain":
				return "text"
			}
		}
	}
	return "text"
}
