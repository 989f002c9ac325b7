package gate_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/gate"
)

func TestProblemDocument(t *testing.T) {
	p := &gate.Problem{
		Name: "locked", Title: "Locked", Status: 409, Detail: "another import runs", Hint: "wait for it",
		RetryAfter: 1500 * time.Millisecond, Extra: map[string]any{"running": "lines/1"}, Err: errors.New("secret path"),
	}
	w := httptest.NewRecorder()
	p.Write(w, httptest.NewRequest("POST", "/", nil))
	assert.Equal(t, 409, w.Code)
	assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	assert.Equal(t, "no-store", w.Header().Get("Cache-Control"))
	assert.Equal(t, "2", w.Header().Get("Retry-After"), "rounded up")
	assert.JSONEq(t, `{"type":"urn:pruvon:problem:locked","title":"Locked","status":409,
		"detail":"another import runs","hint":"wait for it","running":"lines/1"}`, w.Body.String())
	assert.ErrorContains(t, p, "secret path", "the log's text is fuller")
}

func TestProblemForPeople(t *testing.T) {
	p := gate.Forbidden("x", "<script>alert(1)</script>", "set origins")
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	w := httptest.NewRecorder()
	p.Write(w, r)
	assert.Equal(t, 403, w.Code)
	assert.Equal(t, "text/html; charset=utf-8", w.Header().Get("Content-Type"))
	assert.Contains(t, w.Header().Get("Content-Security-Policy"), "default-src 'none'")
	assert.NotContains(t, w.Body.String(), "<script>")
	assert.Contains(t, w.Body.String(), "set origins")
	r.Method = "POST"
	w = httptest.NewRecorder()
	p.Write(w, r)
	assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
}

func TestUnknownErrorsStayInTheLog(t *testing.T) {
	w := httptest.NewRecorder()
	gate.AsProblem(errors.New("dial tcp 10.0.0.1: refused")).Write(w, httptest.NewRequest("GET", "/", nil))
	assert.Equal(t, 500, w.Code)
	assert.NotContains(t, w.Body.String(), "10.0.0.1")
	var doc map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &doc))
	assert.Equal(t, "urn:pruvon:problem:internal", doc["type"])
	w = httptest.NewRecorder()
	gate.AsProblem(errors.New("x")).Write(w, httptest.NewRequest("HEAD", "/", nil))
	assert.Empty(t, w.Body.String())
}
