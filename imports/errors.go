package imports

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/procgroup"
)

func errEmpty() *gate.Problem {
	return &gate.Problem{
		Name: "empty", Title: "Empty upload", Status: http.StatusUnprocessableEntity,
		Detail: "there is nothing to import", Hint: "choose a file that is not empty",
	}
}

func errTooLarge(limit int64) *gate.Problem {
	return &gate.Problem{
		Name: "too-large", Title: "Upload too large", Status: http.StatusRequestEntityTooLarge,
		Detail: fmt.Sprintf("at most %d bytes are taken", limit), Extra: map[string]any{"max_bytes": limit},
	}
}

func errOffset(expected, provided int64) *gate.Problem {
	return &gate.Problem{
		Name: "mismatching-upload-offset", Title: "Mismatching upload offset", Status: http.StatusConflict,
		Detail: fmt.Sprintf("the upload stands at byte %d", expected),
		Extra:  map[string]any{"expected-offset": expected, "provided-offset": provided},
	}
}

func errLength(detail string) *gate.Problem {
	return &gate.Problem{
		Name: "inconsistent-upload-length", Title: "Inconsistent upload length", Status: http.StatusBadRequest, Detail: detail,
	}
}

func errNotReceiving(s State) *gate.Problem {
	return &gate.Problem{
		Name: "upload-closed", Title: "The upload is closed", Status: http.StatusConflict,
		Detail: fmt.Sprintf("the import is %s and takes no more bytes", s),
	}
}

func errDigest() *gate.Problem {
	return &gate.Problem{
		Name: "digest-mismatch", Title: "Wrong digest", Status: http.StatusUnprocessableEntity,
		Detail: "the uploaded bytes do not have the SHA-256 that Repr-Digest announced", Hint: "upload the file again",
	}
}

func errCut(err error) *gate.Problem {
	return &gate.Problem{
		Name: "upload-cut", Title: "The upload was cut off", Status: http.StatusBadRequest,
		Detail: "the connection ended before the last byte", Err: err,
	}
}

func errSlow(d time.Duration) *gate.Problem {
	return &gate.Problem{
		Name: "upload-idle", Title: "The upload stood still", Status: http.StatusRequestTimeout,
		Detail: "no byte came for " + durationText(d),
	}
}

func errUploadCanceled() *gate.Problem {
	return &gate.Problem{
		Name: "canceled", Title: "The import was canceled", Status: http.StatusConflict, Detail: "its upload is not wanted any more",
	}
}

func errReplaced() *gate.Problem {
	return &gate.Problem{
		Name: "upload-replaced", Title: "Another request goes on with this upload", Status: http.StatusConflict,
		Detail: "the later of two requests for one upload counts",
	}
}

func errShuttingDown() *gate.Problem {
	return &gate.Problem{
		Name: "shutdown", Title: "The server is shutting down", Status: http.StatusServiceUnavailable,
		Detail: "no new imports are taken", RetryAfter: 10 * time.Second,
	}
}

func errReadOnly() *gate.Problem {
	return gate.Forbidden("read-only", "you may watch, but not change anything", "")
}

func errLive(s State) *gate.Problem {
	return &gate.Problem{
		Name: "live", Title: "The import has not ended", Status: http.StatusConflict,
		Detail: fmt.Sprintf("it is %s", s), Hint: "cancel it first",
	}
}

func notRetryable(rec record) *gate.Problem {
	p := &gate.Problem{
		Name: "not-retryable", Title: "The import cannot be retried", Status: http.StatusConflict,
		Detail: fmt.Sprintf("it is %s", rec.State),
	}
	if rec.State == StateDone {
		p.Detail = fmt.Sprintf("it has ended as %s", rec.Outcome)
		if rec.Outcome.Retryable() {
			p.Detail, p.Hint = "its bytes are not kept any more", "upload the file again"
		}
	}
	return p
}

// locked is the refusal of an import into a target that has one at work. The
// link is told only to those who may see that import. prefix leads from the
// request's URL to the target's list.
func (h *Handler) locked(holder *job, a Access, prefix string) *gate.Problem {
	p := &gate.Problem{
		Name: "locked", Title: "Another import is at work", Status: http.StatusConflict,
		Detail: "this target takes one import at a time", RetryAfter: 30 * time.Second,
	}
	if holder.visible(a) {
		rec := holder.record()
		p.Extra = map[string]any{"import": prefix + rec.Target + "/" + rec.ID, "id": rec.ID}
	}
	return p
}

func errKeyReused() *gate.Problem {
	return &gate.Problem{
		Name: "idempotency-key", Title: "The Idempotency-Key was used for another upload", Status: http.StatusUnprocessableEntity,
		Detail: "one key stands for one upload with one size, name and digest",
	}
}

func errKeyBusy() *gate.Problem {
	return &gate.Problem{
		Name: "idempotency-key", Title: "The first request with this Idempotency-Key is still at work", Status: http.StatusConflict,
		Detail: "wait for its answer", RetryAfter: 2 * time.Second,
	}
}

func errStorage(err error) *gate.Problem {
	if isNoSpace(err) {
		return &gate.Problem{
			Name: "no-space", Title: "Not enough space", Status: http.StatusInsufficientStorage,
			Detail: "the server's disk is full", Hint: "free space on the server; a resumable upload can then go on", RetryAfter: time.Minute, Err: err,
		}
	}
	return &gate.Problem{Name: "internal", Title: "Internal error", Status: http.StatusInternalServerError, Detail: "the upload cannot be stored", Err: err}
}

// errInspection is a host's xz command that could not be started.
func errInspection(f *Failure) *gate.Problem {
	p := &gate.Problem{
		Name: "internal", Title: "Internal error", Status: http.StatusInternalServerError,
		Detail: "the upload cannot be decompressed here", Err: f,
	}
	if errors.Is(f, procgroup.ErrExhausted) {
		p.Name, p.Title, p.Status, p.RetryAfter = "exhausted", "Service unavailable", http.StatusServiceUnavailable, 5*time.Second
	}
	return p
}

// asInput turns the refusal of an upload's content into an answer.
func asInput(e *inputError) *gate.Problem {
	name := e.problem.Type[len("urn:pruvon:problem:"):]
	p := &gate.Problem{
		Name: name, Title: e.problem.Title, Status: http.StatusUnprocessableEntity,
		Detail: e.problem.Detail, Hint: e.problem.Hint, Err: e.err,
	}
	if e.problem.Offset != nil {
		p.Extra = map[string]any{"offset": *e.problem.Offset}
	}
	return p
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }
