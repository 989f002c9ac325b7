package logs

import (
	"errors"
	"net/http"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// errClosed is the end of the Handler.
var errClosed = errors.New("the service is shutting down")

// unavailable is a source that cannot be read. The reason is for the log: it
// may name paths.
func unavailable(err error) *gate.Problem {
	p := &gate.Problem{
		Name: "source-unavailable", Title: "Log unavailable", Status: http.StatusServiceUnavailable,
		Detail: "the log's source cannot be read", Hint: "the service's own log says why", Err: err,
	}
	if errors.Is(err, errNotRegular) {
		p.Detail = "the log's source is not a regular file"
	} else {
		p.RetryAfter = 5 * time.Second
	}
	return p
}

func shuttingDown() *gate.Problem {
	return &gate.Problem{
		Name: "shutdown", Title: "Shutting down", Status: http.StatusServiceUnavailable,
		Detail: errClosed.Error(), RetryAfter: 5 * time.Second, Err: errClosed,
	}
}

// ending is how a stream's end is told: the end message and, on a WebSocket,
// the close code.
type ending struct {
	why       string
	retryable bool
	code      int
}

// endingOf maps why a viewer stopped to what it is told. Silent: nobody is
// there to be told.
func endingOf(err error) (e ending, silent bool) {
	var w *writeError
	var s *sourceEnd
	var p *gate.Problem
	switch {
	case errors.Is(err, errComplete):
		return ending{endComplete, false, 1000}, false
	case errors.Is(err, errClosed):
		return ending{endShutdown, true, 1001}, false
	case errors.Is(err, gate.ErrExpired), errors.Is(err, gate.ErrUnavailable), errors.As(err, &p):
		return ending{endDenied, false, 1008}, false
	case errors.As(err, &w):
		return ending{why: endSlow}, true
	case errors.As(err, &s) && s.err == nil:
		return ending{endExited, false, 1000}, false
	case errors.As(err, &s):
		return ending{endFault, true, 1011}, false
	}
	return ending{}, true
}
