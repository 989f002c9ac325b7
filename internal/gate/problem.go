package gate

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// problemBase is the namespace of our problem types (RFC 9457 section 3.1.1
// allows any URI; a URN promises no page that we would have to keep).
const problemBase = "urn:pruvon:problem:"

// Problem is an RFC 9457 problem document and the error that carries it. What
// is in it is for the client; Err is for the log alone.
type Problem struct {
	// Name is the last part of the type, in lower-case words with hyphens.
	Name string
	// Title is the summary, the same for each problem of this Name.
	Title string
	// Status is the HTTP status.
	Status int
	// Detail says what happened this time, without echoing client values.
	Detail string
	// Hint says what an operator can do about it.
	Hint string
	// RetryAfter, when positive, becomes a Retry-After header in whole
	// seconds, rounded up (RFC 9110 section 10.2.3).
	RetryAfter time.Duration
	// Extra holds extension members (RFC 9457 section 3.2).
	Extra map[string]any
	// Err is the cause, for the log.
	Err error
}

// Error returns the title, the detail and the cause: text for a log.
func (p *Problem) Error() string {
	parts := []string{p.Title}
	if p.Detail != "" {
		parts = append(parts, p.Detail)
	}
	if p.Err != nil {
		parts = append(parts, p.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// MarshalJSON writes the document's members, the registered ones first: people
// read these with curl.
func (p *Problem) MarshalJSON() ([]byte, error) {
	head, err := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail,omitempty"`
		Hint   string `json:"hint,omitempty"`
	}{problemBase + p.Name, p.Title, p.Status, p.Detail, p.Hint})
	if err != nil || len(p.Extra) == 0 {
		return head, err
	}
	tail, err := json.Marshal(p.Extra)
	if err != nil {
		return nil, err
	}
	return append(append(head[:len(head)-1], ','), tail[1:]...), nil
}

// Write answers with the document, or with a page of the same content where a
// person navigated with a browser. It does not read the request's body: behind
// nginx with request buffering off, draining a body after an early answer
// waits for bytes that never come.
func (p *Problem) Write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Accept")
	h.Del("Content-Length")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.RetryAfter.Seconds()))))
	}
	body, kind := p.body(r)
	h.Set("Content-Type", kind)
	if kind != jsonType {
		h.Set("Content-Security-Policy", HTMLPolicy)
	}
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}

const jsonType = "application/problem+json"

func (p *Problem) body(r *http.Request) (body []byte, contentType string) {
	if WantsHTML(r) {
		if page, err := p.html(); err == nil {
			return page, "text/html; charset=utf-8"
		}
	}
	body, err := json.Marshal(p)
	if err != nil {
		body = []byte(`{"type":"` + problemBase + `internal","title":"Internal error","status":500}`)
	}
	return append(body, '\n'), jsonType
}

// AsProblem returns the problem in err's chain. An error that carries none
// becomes a 500 whose text stays in the log.
func AsProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	return &Problem{Name: "internal", Title: "Internal error", Status: http.StatusInternalServerError, Err: err}
}

// NotFound is the answer to an unknown name, and to one that the client may
// not know of.
func NotFound(detail string) *Problem {
	return &Problem{Name: "not-found", Title: "Not found", Status: http.StatusNotFound, Detail: detail}
}

// BadRequest is the answer to a request that cannot be understood.
func BadRequest(detail string) *Problem {
	return &Problem{Name: "bad-request", Title: "Bad request", Status: http.StatusBadRequest, Detail: detail}
}

// Forbidden is the answer to a request that is understood and refused.
func Forbidden(name, detail, hint string) *Problem {
	return &Problem{Name: name, Title: "Forbidden", Status: http.StatusForbidden, Detail: detail, Hint: hint}
}

// MethodNotAllowed sets the Allow header that RFC 9110 section 15.5.6 demands
// and returns the problem.
func MethodNotAllowed(w http.ResponseWriter, allow ...string) *Problem {
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return &Problem{
		Name: "method-not-allowed", Title: "Method not allowed", Status: http.StatusMethodNotAllowed,
		Detail: "this resource answers " + strings.Join(allow, ", ") + " only",
	}
}
