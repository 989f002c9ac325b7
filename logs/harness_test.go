package logs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// whole says that counts run in full and not at a tenth.
func whole() bool { return os.Getenv("PRUVON_FULL") == "1" }

func allowAll(*http.Request, logs.Resource) (logs.Access, error) {
	return logs.Access{User: "operator"}, nil
}

// server is a Handler behind a real HTTP server.
type server struct {
	t       testing.TB
	handler *logs.Handler
	http    *httptest.Server
}

// serve starts a server for cfg and ends both with the test.
func serve(t testing.TB, cfg logs.Config) *server {
	t.Helper()
	return serveWith(t, cfg, func(*http.Server) {})
}

// serveWith is serve with a server that is not the default.
func serveWith(t testing.TB, cfg logs.Config, change func(*http.Server)) *server {
	t.Helper()
	if cfg.Authorize == nil {
		cfg.Authorize = allowAll
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h, err := logs.New(cfg)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/logs/{name}", h)
	mux.HandleFunc("/logs", h.List)
	s := &server{t: t, handler: h, http: httptest.NewUnstartedServer(mux)}
	change(s.http.Config)
	s.http.Start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(s.t, s.handler.Shutdown(ctx))
	s.http.CloseClientConnections()
	s.http.Close()
	http.DefaultClient.CloseIdleConnections()
}

// serveFile serves one file under the name "app".
func serveFile(t testing.TB, path string, opts ...logs.FileOption) *server {
	t.Helper()
	return serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(path, opts...)}})
}

// message is any message of the protocol.
type message struct {
	Type   string `json:"type"`
	Seq    int64  `json:"seq"`
	Cursor string `json:"cursor"`
	Resume string `json:"resume"`
	Lines  json.RawMessage
	From   string `json:"from"`
	To     string `json:"to"`
	Bytes  *int64 `json:"bytes"`
	Why    string `json:"why"`
	State  string `json:"state"`
	Detail string `json:"detail"`
	Retry  bool   `json:"retryable"`
	LagMS  int64  `json:"lag_ms"`
	Done   bool   `json:"done"`
	More   bool   `json:"more"`
	Match  int    `json:"matches"`
	Scan   int64  `json:"scanned"`
}

type entry struct {
	M string `json:"m"`
	T int64  `json:"t"`
	S string `json:"s"`
	L string `json:"l"`
	N int64  `json:"n"`
	P bool   `json:"p"`
}

func (m message) entries(t testing.TB) []entry {
	t.Helper()
	var out []entry
	require.NoError(t, json.Unmarshal(m.Lines, &out))
	return out
}

// lost is the count of a gap, -1 for null.
func (m message) lost(t testing.TB) int64 {
	t.Helper()
	var n *int64
	require.NoError(t, json.Unmarshal(m.Lines, &n))
	if n == nil {
		return -1
	}
	return *n
}

// client is one stream, over any transport that carries messages.
type client struct {
	t      testing.TB
	next   func() (message, error)
	cancel func() // drops the connection
	closed func() websocket.StatusCode
	err    error
}

// dial opens a WebSocket. Query is what follows the question mark.
func (s *server) dial(query string) *client {
	s.t.Helper()
	return s.dialName("app", query)
}

func (s *server) dialName(name, query string) *client {
	s.t.Helper()
	return s.dialWith(http.DefaultClient, name, query)
}

// dialSmall opens a WebSocket whose kernel takes little that is not read.
func (s *server) dialSmall(query string) *client {
	s.t.Helper()
	return s.dialWith(&http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(64 << 10)
		}
		return c, err
	}}}, "app", query)
}

func (s *server) dialWith(by *http.Client, name, query string) *client {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	u := "ws" + strings.TrimPrefix(s.http.URL, "http") + "/logs/" + name + "?" + query
	conn, _, err := websocket.Dial(ctx, u, &websocket.DialOptions{
		HTTPClient:   by,
		Subprotocols: []string{logs.Subprotocol}, HTTPHeader: http.Header{"Origin": {s.http.URL}},
	})
	require.NoError(s.t, err)
	conn.SetReadLimit(1 << 20)
	c := &client{t: s.t, cancel: func() {
		cancel()
		_ = conn.CloseNow()
	}}
	c.next = func() (message, error) {
		_, b, err := conn.Read(ctx)
		if err != nil {
			return message{}, err
		}
		var m message
		err = json.Unmarshal(b, &m)
		return m, err
	}
	c.closed = func() websocket.StatusCode { return websocket.CloseStatus(c.err) }
	s.t.Cleanup(c.cancel)
	return c
}

// stream opens NDJSON.
func (s *server) stream(query string) *client {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	resp := s.get(ctx, "/logs/app?"+query, "application/x-ndjson")
	require.Equal(s.t, http.StatusOK, resp.StatusCode)
	in := bufio.NewReaderSize(resp.Body, 1<<20)
	c := &client{t: s.t, cancel: cancel}
	c.next = func() (message, error) {
		b, err := in.ReadBytes('\n')
		if err != nil {
			return message{}, err
		}
		var m message
		err = json.Unmarshal(b, &m)
		return m, err
	}
	s.t.Cleanup(func() {
		cancel()
		_ = resp.Body.Close()
	})
	return c
}

func (s *server) get(ctx context.Context, path, accept string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.http.URL+path, nil)
	require.NoError(s.t, err)
	if accept != "" {
		req.Header.Set("Accept", accept)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	return resp
}

// text is the whole answer to a request for plain text.
func (s *server) text(query string) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resp := s.get(ctx, "/logs/app?"+query, "text/plain")
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, http.StatusOK, resp.StatusCode, string(b))
	return string(b)
}

// status is the status and the problem's type of a request.
func (s *server) status(method, path string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.http.URL+path, nil)
	require.NoError(s.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resp, err := http.DefaultClient.Do(req.WithContext(ctx))
	require.NoError(s.t, err)
	defer resp.Body.Close()
	var p struct{ Type string }
	if strings.Contains(resp.Header.Get("Content-Type"), "problem") {
		require.NoError(s.t, json.NewDecoder(resp.Body).Decode(&p))
	}
	return resp.StatusCode, p.Type
}

// read returns the next message.
func (c *client) read() message {
	c.t.Helper()
	timer := time.AfterFunc(patience, c.cancel)
	defer timer.Stop()
	m, err := c.next()
	c.err = err
	require.NoError(c.t, err)
	return m
}

// until reads up to the first message of a type and returns it; what came
// before is in the second result.
func (c *client) until(kind string) (message, []message) {
	c.t.Helper()
	var before []message
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		m := c.read()
		if m.Type == kind {
			return m, before
		}
		before = append(before, m)
	}
	c.t.Fatalf("no %s came, but %+v", kind, before)
	return message{}, nil
}

// eager reads from now on, whether the test asks or not, so that the server never
// has a slow viewer in this one.
func (c *client) eager() *client {
	type result struct {
		m   message
		err error
	}
	read, results := c.next, make(chan result, 1<<20)
	go func() {
		for {
			m, err := read()
			results <- result{m, err}
			if err != nil {
				return
			}
		}
	}()
	c.next = func() (message, error) {
		r := <-results
		return r.m, r.err
	}
	return c
}

// lines reads until n lines have come and returns their texts. Heartbeats and
// source events are passed over; a gap is a failure.
func (c *client) lines(n int) []string {
	c.t.Helper()
	var out []string
	for deadline := time.Now().Add(2 * patience); len(out) < n; {
		m := c.read()
		if time.Now().After(deadline) {
			c.t.Fatalf("%d lines of %d", len(out), n)
		}
		switch m.Type {
		case "lines":
			for _, e := range m.entries(c.t) {
				out = append(out, e.M)
			}
		case "gap":
			c.t.Fatalf("a gap (%s) after %d lines", m.Why, len(out))
		case "end":
			c.t.Fatalf("the end (%s) after %d lines", m.Why, len(out))
		}
	}
	return out
}

// end reads to the end of the connection.
func (c *client) end() error {
	c.t.Helper()
	timer := time.AfterFunc(patience, c.cancel)
	defer timer.Stop()
	for {
		if _, err := c.next(); err != nil {
			c.err = err
			return err
		}
	}
}

// logFile is a file that a test writes to.
type logFile struct {
	t    testing.TB
	path string
	f    *os.File
}

func newLog(t testing.TB, lines ...string) *logFile {
	t.Helper()
	l := &logFile{t: t, path: filepath.Join(t.TempDir(), "app.log")}
	l.reopen()
	l.add(lines...)
	t.Cleanup(func() { _ = l.f.Close() })
	return l
}

// reopen opens the path as a logger does.
func (l *logFile) reopen() {
	l.t.Helper()
	if l.f != nil {
		require.NoError(l.t, l.f.Close())
	}
	f, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(l.t, err)
	l.f = f
}

func (l *logFile) add(lines ...string) {
	l.t.Helper()
	for _, s := range lines {
		_, err := l.f.WriteString(s + "\n")
		require.NoError(l.t, err)
	}
}

func (l *logFile) raw(s string) {
	l.t.Helper()
	_, err := l.f.WriteString(s)
	require.NoError(l.t, err)
}

func (l *logFile) rename(suffix string) {
	l.t.Helper()
	require.NoError(l.t, os.Rename(l.path, l.path+suffix))
}

// numbered is "PREFIX 0" to "PREFIX n-1".
func numbered(prefix string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%s %d", prefix, i)
	}
	return out
}

func escape(s string) string { return url.QueryEscape(s) }
