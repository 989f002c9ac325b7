package terminal

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// openRecord starts the session's recording. The error, of a strict one only,
// is a *gate.Problem.
func (s *session) openRecord() error {
	if s.set.Record == nil {
		return nil
	}
	i := s.info()
	w, err := s.record(i)
	if err != nil {
		return s.recordRefused(err)
	}
	s.rec = newRecorder(guardedWriter{w}, i, recordConfig{
		policy: s.set.RecordPolicy, max: s.set.RecordMax, log: s.h.log.With("name", s.name, "id", s.id),
		failed: s.recordFailed,
		lost:   func(n int) { s.h.metrics.unrecorded.Add(float64(n)) },
	})
	return nil
}

func (s *session) record(i Info) (w io.WriteCloser, err error) {
	defer gate.Caught("Record", &err)
	if w, err = s.set.Record(i); err == nil && w == nil {
		err = errors.New("the host's Record returned no writer")
	}
	return w, err
}

func (s *session) recordRefused(err error) error {
	s.h.log.Error("terminal: opening a recording", "name", s.name, "id", s.id, "err", err)
	if s.set.RecordPolicy != RecordStrict {
		return nil
	}
	return &gate.Problem{
		Name: "recording", Title: "Service unavailable", Status: http.StatusServiceUnavailable,
		Detail: "the session cannot be recorded now", RetryAfter: 5 * time.Second, Err: err,
	}
}

// recordFailed ends a session that must be recorded and can be no longer.
func (s *session) recordFailed(err error) {
	s.h.log.Error("terminal: the session ends with its recording", "name", s.name, "id", s.id, "err", err)
	s.end(context.Background(), ReasonFault)
}

// closeRecord ends the recording.
func (s *session) closeRecord(x Exit, r Reason) {
	how := exitDetail(x)
	if r != ReasonExited {
		how = string(r) + ", " + how
	}
	if err := s.rec.Close(how); err != nil {
		s.h.log.Error("terminal: a recording is not complete", "name", s.name, "id", s.id, "err", err)
	}
}

// echoes reports whether input may be recorded now. It is asked before the
// program gets the input, which may change it.
func (s *session) echoes() bool {
	if s.rec == nil {
		return false
	}
	e, ok := s.proc.(Echoer)
	return ok && e.Echoes()
}
