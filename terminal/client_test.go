package terminal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// server is a handler on a real listener.
type server struct {
	*terminal.Handler
	t      testing.TB
	http   *httptest.Server
	events *eventLog
}

type eventLog struct {
	mu  sync.Mutex
	all []terminal.Event
}

func (l *eventLog) add(_ context.Context, e terminal.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, e)
}

// of returns the events of a kind.
func (l *eventLog) of(kind string) []terminal.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []terminal.Event
	for _, e := range l.all {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// shell is a terminal that runs a script with sh.
func shell(script string) terminal.Terminal {
	return terminal.Terminal{
		Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
			return exec.Command("/bin/sh", "-c", script), nil
		},
	}
}

// byHeader authorizes the user that the request names; see dialAs.
func byHeader(r *http.Request, _ terminal.Resource) (terminal.Access, error) {
	u := r.Header.Get("X-Test-User")
	return terminal.Access{User: u, Admin: u == "admin", ReadOnly: u == "guest"}, nil
}

// serve starts a handler for one terminal called "t".
func serve(t testing.TB, term terminal.Terminal, change ...func(*terminal.Config)) *server {
	t.Helper()
	s := &server{t: t, events: &eventLog{}}
	cfg := terminal.Config{
		Terminals: map[string]terminal.Terminal{"t": term},
		Authorize: byHeader, AllowNoOrigin: true, Audit: s.events.add, Cgroup: "-",
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&cfg)
	}
	h, err := terminal.New(cfg)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /terminals", h.List)
	mux.Handle("/terminals/{name}", h)
	s.Handler = h
	s.listen(mux)
	return s
}

// listen serves until the test is over.
func (s *server) listen(h http.Handler) {
	s.http = httptest.NewServer(h)
	s.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_ = s.Shutdown(ctx)
		s.http.Close()
	})
}

// message is any message of the server.
type message struct {
	Type       string  `json:"type"`
	Session    string  `json:"session"`
	Offset     int64   `json:"offset"`
	Input      int64   `json:"input"`
	Replay     string  `json:"replay"`
	Role       string  `json:"role"`
	Writer     string  `json:"writer"`
	Window     int64   `json:"window"`
	Bytes      int     `json:"bytes"`
	Cols       int     `json:"cols"`
	Rows       int     `json:"rows"`
	T          float64 `json:"t"`
	CodeRaw    any     `json:"code"`
	Signal     *string `json:"signal"`
	Reason     string  `json:"reason"`
	Detail     string  `json:"detail"`
	Text       string  `json:"text"`
	Seconds    int     `json:"seconds"`
	Retryable  bool    `json:"retryable"`
	RetryAfter int     `json:"retry_after"`
}

// client is a page's end of a connection: it acknowledges what it draws,
// unless it is told not to.
type client struct {
	t     testing.TB
	ws    *websocket.Conn
	noAck bool

	ready  message
	out    bytes.Buffer // output since ready, pictures left out
	offset int64        // of the next output byte
	skip   int          // bytes of a picture still to come
	exit   *message
	seen   []message // control messages other than input
	input  int64
}

type dialOption func(*websocket.DialOptions)

func as(user string) dialOption {
	return func(o *websocket.DialOptions) { o.HTTPHeader.Set("X-Test-User", user) }
}

func (s *server) url() string {
	return "ws" + strings.TrimPrefix(s.http.URL, "http") + "/terminals/t"
}

func (s *server) dial(url string, protocols []string, opts ...dialOption) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	o := &websocket.DialOptions{Subprotocols: protocols, HTTPHeader: http.Header{"X-Test-User": {"ann"}}}
	for _, f := range opts {
		f(o)
	}
	ws, resp, err := websocket.Dial(ctx, url, o)
	if ws != nil {
		ws.SetReadLimit(1 << 20)
	}
	return ws, resp, err
}

// connect dials without a hello.
func (s *server) connect(opts ...dialOption) *client {
	s.t.Helper()
	ws, _, err := s.dial(s.url(), []string{terminal.Subprotocol}, opts...)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{t: s.t, ws: ws}
}

// open dials, says hello and waits for ready.
func (s *server) open(hello string, opts ...dialOption) *client {
	s.t.Helper()
	c := s.connect(opts...)
	if hello == "" {
		hello = `{"type":"hello","cols":80,"rows":24}`
	}
	c.send(hello)
	c.until("ready", func() bool { return c.ready.Type != "" })
	return c
}

func (c *client) send(text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(c.t, c.ws.Write(ctx, websocket.MessageText, []byte(text)))
}

func (c *client) sendJSON(m any) {
	b, err := json.Marshal(m)
	require.NoError(c.t, err)
	c.send(string(b))
}

// typed sends input.
func (c *client) typed(text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(c.t, c.ws.Write(ctx, websocket.MessageBinary, []byte(text)))
}

// step reads one message.
func (c *client) step(ctx context.Context) error {
	typ, data, err := c.ws.Read(ctx)
	if err != nil {
		return err
	}
	if typ == websocket.MessageBinary {
		if n := min(c.skip, len(data)); n > 0 {
			c.skip -= n
			data = data[n:]
		}
		c.out.Write(data)
		c.offset += int64(len(data))
		if !c.noAck && len(data) > 0 {
			c.sendJSON(map[string]any{"type": "ack", "offset": c.offset})
		}
		return nil
	}
	var m message
	require.NoError(c.t, json.Unmarshal(data, &m), "%s", data)
	switch m.Type {
	case "ready":
		c.ready, c.offset, c.input = m, m.Offset, m.Input
	case "reset":
		c.skip, c.offset = m.Bytes, m.Offset
	case "input":
		c.input = m.Offset
		return nil
	case "exit":
		c.exit = &m
	}
	c.seen = append(c.seen, m)
	return nil
}

// until reads messages until done.
func (c *client) until(what string, done func() bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for !done() {
		if err := c.step(ctx); err != nil {
			require.FailNow(c.t, "connection ended", "while waiting for %s: %v; exit %+v; output %q", what, err, c.exit, tail(c.out.String()))
		}
	}
}

// shows waits until the output contains text.
func (c *client) shows(text string) {
	c.t.Helper()
	c.until(text, func() bool { return strings.Contains(c.out.String(), text) })
}

// ended reads to the end and returns the close code.
func (c *client) ended() websocket.CloseError {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := c.step(ctx)
		var ce websocket.CloseError
		if errors.As(err, &ce) {
			return ce
		}
		require.NoError(c.t, err, "exit %+v", c.exit)
	}
}

func (c *client) has(typ string) *message {
	for i := len(c.seen) - 1; i >= 0; i-- {
		if c.seen[i].Type == typ {
			return &c.seen[i]
		}
	}
	return nil
}

func tail(s string) string { return s[max(0, len(s)-300):] }

// eventually waits for a condition that nothing announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, 2*time.Millisecond, what)
}
