package imports_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// waiting is an importer's script that says hello and waits for a file.
func waiting(t *testing.T) (script, file string) {
	file = filepath.Join(t.TempDir(), "go")
	return "echo started; cat >/dev/null; while [ ! -e " + file + " ]; do sleep 0.02; done; echo over >&2", file
}

func (s *server) dial(path string, protocols ...string) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.url, "http")+path, &websocket.DialOptions{
		Subprotocols: protocols,
		HTTPHeader:   http.Header{"Origin": {strings.TrimSuffix(s.url, "/ops/imports")}},
	})
}

func readAll(t *testing.T, c *websocket.Conn) (events []event, code websocket.StatusCode) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		_, b, err := c.Read(ctx)
		if err != nil {
			return events, websocket.CloseStatus(err)
		}
		var e event
		require.NoError(t, json.Unmarshal(b, &e))
		events = append(events, e)
	}
}

func TestWebSocketWatcherSeesTheEnd(t *testing.T) {
	script, file := waiting(t)
	s := start(t, target(imports.Target{Importer: sh(script)}))
	id := s.upload(strings.NewReader("hello"))
	s.await(id, func(v snapshot) bool { return v.Progress.Stage == "finalizing" })
	c, res, err := s.dial("/db/"+id+"/events", imports.Subprotocol)
	require.NoError(t, err)
	require.Equal(t, imports.Subprotocol, res.Header.Get("Sec-Websocket-Protocol"))
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	events, code := readAll(t, c)
	require.Equal(t, websocket.StatusNormalClosure, code)
	require.Equal(t, "snapshot", events[0].Type)
	require.Equal(t, "end", events[len(events)-1].Type)
	var out, errs string
	for _, e := range ofType(events, "output") {
		if e.Stream == "stdout" {
			out += e.Data
		} else {
			errs += e.Data
		}
	}
	require.Equal(t, "started\n", out)
	require.Equal(t, "over\n", errs)
}

func TestWebSocketRefusals(t *testing.T) {
	s := start(t)
	id := s.upload(strings.NewReader("hello"))
	_, res, err := s.dial("/db/"+id+"/events", "pruvon.terminal.v1")
	require.Error(t, err)
	require.Equal(t, 400, res.StatusCode)
	a := s.do("GET", "/db/"+id+"/events", nil, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	require.Equal(t, 426, a.StatusCode)
	require.Contains(t, string(a.body), "proxy_set_header Upgrade")
	a = s.do("GET", "/db/"+id, nil, "Origin", "https://evil.example")
	require.Equal(t, 403, a.StatusCode)
}

func TestWebSocketTakesNoMessages(t *testing.T) {
	script, file := waiting(t)
	s := start(t, target(imports.Target{Importer: sh(script)}))
	id := s.upload(strings.NewReader("hello"))
	c, _, err := s.dial("/db/"+id+"/events", imports.Subprotocol)
	require.NoError(t, err)
	require.NoError(t, c.Write(t.Context(), websocket.MessageText, []byte(`{"type":"cancel"}`)))
	_, code := readAll(t, c)
	require.Equal(t, websocket.StatusPolicyViolation, code)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, "succeeded", s.ended(id).Outcome)
}

func TestServerSentEvents(t *testing.T) {
	s := start(t)
	id := s.upload(strings.NewReader("hello"))
	s.ended(id)
	a := s.do("GET", "/db/"+id+"/events", nil, "Accept", "text/event-stream")
	require.Equal(t, "text/event-stream", a.Header.Get("Content-Type"))
	require.Equal(t, "no", a.Header.Get("X-Accel-Buffering"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	var lastID, lastEvent string
	sc := bufio.NewScanner(strings.NewReader(string(a.body)))
	for sc.Scan() {
		if v, ok := strings.CutPrefix(sc.Text(), "id: "); ok {
			lastID = v
		}
		if v, ok := strings.CutPrefix(sc.Text(), "event: "); ok {
			lastEvent = v
		}
	}
	require.Equal(t, "end", lastEvent)
	again := s.do("GET", "/db/"+id+"/events", nil, "Accept", "text/event-stream", "Last-Event-ID", lastID)
	require.Equal(t, 204, again.StatusCode, "a reconnecting EventSource is told to stop")
}

func TestWatcherMayLeaveWithoutHarm(t *testing.T) {
	script, file := waiting(t)
	s := start(t, target(imports.Target{Importer: sh(script)}))
	id := s.upload(strings.NewReader("hello"))
	for range 3 {
		c, _, err := s.dial("/db/"+id+"/events", imports.Subprotocol)
		require.NoError(t, err)
		_, _, err = c.Read(t.Context())
		require.NoError(t, err)
		require.NoError(t, c.CloseNow())
	}
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, "succeeded", s.ended(id).Outcome)
}

func TestRevokeEndsWatchersAndNotTheImport(t *testing.T) {
	script, file := waiting(t)
	s := start(t, target(imports.Target{Importer: sh(script)}))
	id := s.upload(strings.NewReader("hello"))
	c, _, err := s.dial("/db/"+id+"/events", imports.Subprotocol)
	require.NoError(t, err)
	_, _, err = c.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, s.h.Revoke("operator"))
	_, code := readAll(t, c)
	require.Equal(t, websocket.StatusPolicyViolation, code)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, "succeeded", s.ended(id).Outcome)
}
