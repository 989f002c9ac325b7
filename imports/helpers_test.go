package imports_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// server is a Handler behind a real HTTP server, mounted below a prefix.
type server struct {
	t   testing.TB
	h   *imports.Handler
	url string // of the mount point, without the trailing slash
	dir string
	c   *http.Client

	stop func()
	down bool
}

type option func(*imports.Config)

func allowAll(*http.Request, imports.Resource) (imports.Access, error) {
	return imports.Access{User: "operator"}, nil
}

// byHeader lets tests be somebody.
func byHeader(r *http.Request, _ imports.Resource) (imports.Access, error) {
	user := r.Header.Get("X-Test-User")
	return imports.Access{User: user, Admin: user == "root", ReadOnly: strings.HasPrefix(user, "ro-")}, nil
}

// sh is a command importer that runs a shell script.
func sh(script string) imports.Importer {
	return imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
		return exec.Command("/bin/sh", "-c", script), nil
	}, nil)
}

func newConfig(t testing.TB, opts ...option) imports.Config {
	cfg := imports.Config{
		Dir:         t.TempDir(),
		Authorize:   allowAll,
		Targets:     map[string]imports.Target{"db": {Importer: sh("wc -c")}},
		ReserveFree: -1,
		Logger:      slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, o := range opts {
		o(&cfg)
	}
	return cfg
}

func target(t imports.Target) option {
	return func(c *imports.Config) { c.Targets = map[string]imports.Target{"db": t} }
}

func start(t testing.TB, opts ...option) *server {
	return startConfig(t, newConfig(t, opts...))
}

func startConfig(t testing.TB, cfg imports.Config) *server {
	h, err := imports.New(cfg)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/ops/imports/", http.StripPrefix("/ops/imports", h))
	srv := httptest.NewServer(mux)
	s := &server{t: t, h: h, url: srv.URL + "/ops/imports", dir: cfg.Dir, c: srv.Client()}
	s.stop = sync.OnceFunc(func() {
		srv.CloseClientConnections()
		srv.Close()
		s.c.CloseIdleConnections()
	})
	t.Cleanup(func() { s.shutdown(0) })
	return s
}

// shutdown ends the handler, giving what runs a time to end by itself.
func (s *server) shutdown(drain time.Duration) {
	s.t.Helper()
	if s.down {
		return
	}
	s.down = true
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second+drain)
	defer cancel()
	require.NoError(s.t, s.h.Shutdown(ctx))
	s.stop()
}

// answer is a response that has been read.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) json(t testing.TB) map[string]any {
	var m map[string]any
	require.NoError(t, json.Unmarshal(a.body, &m), string(a.body))
	return m
}

func (a answer) problem() string {
	var p struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(a.body, &p)
	return strings.TrimPrefix(p.Type, "urn:pruvon:problem:")
}

func (s *server) do(method, path string, body io.Reader, headers ...string) answer {
	s.t.Helper()
	a, err := s.try(method, path, body, headers...)
	require.NoError(s.t, err)
	return a
}

func (s *server) try(method, path string, body io.Reader, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, s.url+path, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := s.c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res, b}, err
}

// snapshot is what tests look at.
type snapshot struct {
	ID       string
	State    string
	Outcome  string
	Attempt  int
	Position *int
	Source   struct {
		Name, Format, Compression, SHA256 string
		Size                              *int64
	}
	Progress struct {
		Stage        string
		Stored       int64
		Total        *int64
		Decompressed int64
		Percent      *float64
	}
	Warnings struct {
		Count int
		Last  []string
	}
	Exit *struct {
		Code   *int
		Signal *string
	}
	Problem *struct {
		Type, Title, Detail, Hint string
		Offset                    *int64
	}
	Stages          []struct{ Name string }
	Retryable       bool
	CancelRequested bool `json:"cancel_requested"`
}

func (s *server) snapshot(id string, headers ...string) snapshot {
	s.t.Helper()
	a := s.do("GET", "/db/"+id, nil, headers...)
	require.Equal(s.t, 200, a.StatusCode, string(a.body))
	return parseSnapshot(s.t, a.body)
}

func parseSnapshot(t testing.TB, b []byte) snapshot {
	t.Helper()
	var v snapshot
	require.NoError(t, json.Unmarshal(b, &v), string(b))
	return v
}

// upload sends a body and returns the new import's id.
func (s *server) upload(body io.Reader, headers ...string) string {
	s.t.Helper()
	a := s.do("POST", "/db", body, headers...)
	require.Equal(s.t, 202, a.StatusCode, string(a.body))
	v := parseSnapshot(s.t, a.body)
	require.Equal(s.t, "db/"+v.ID, a.Header.Get("Location"))
	return v.ID
}

// ended waits for an import's end.
func (s *server) ended(id string, headers ...string) snapshot {
	s.t.Helper()
	return s.await(id, func(v snapshot) bool { return v.State == "done" }, headers...)
}

func (s *server) await(id string, ok func(snapshot) bool, headers ...string) (v snapshot) {
	s.t.Helper()
	eventually(s.t, func() bool {
		v = s.snapshot(id, headers...)
		return ok(v)
	})
	return v
}

// eventually polls a condition; it fails after a time that no working machine
// needs.
func eventually(t testing.TB, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("the condition was not met in time")
		}
		<-tick.C
	}
}

// event is a message of the event stream.
type event struct {
	Type    string
	Seq     uint64
	Epoch   string
	State   string
	Stage   string
	Stream  string
	Data    string
	Partial bool
	Text    string
	Outcome string
	From    uint64
	To      uint64
	Bytes   int64
	Attempt int
	Stored  int64
	Percent *float64
	Import  snapshot
	BytesIn int64 `json:"bytes_in"`
}

// events reads an import's NDJSON to its end.
func (s *server) events(id string, query string) []event {
	s.t.Helper()
	a := s.do("GET", "/db/"+id+"/events"+query, nil)
	require.Equal(s.t, 200, a.StatusCode, string(a.body))
	require.Equal(s.t, "application/x-ndjson", a.Header.Get("Content-Type"))
	return parseEvents(s.t, a.body)
}

func parseEvents(t testing.TB, b []byte) (events []event) {
	t.Helper()
	for line := range bytes.Lines(b) {
		var e event
		require.NoError(t, json.Unmarshal(line, &e), string(line))
		events = append(events, e)
	}
	return events
}

func ofType(events []event, typ string) (found []event) {
	for _, e := range events {
		if e.Type == typ {
			found = append(found, e)
		}
	}
	return found
}

func touch(t testing.TB, file string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, nil, 0o600))
}

func sha256Of(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
