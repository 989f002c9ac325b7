package terminal_test

import (
	"context"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/scarce"
)

// startConfined starts a server that has room for so many processes and
// threads, its own included.
func startConfined(t *testing.T, room int) *process {
	restore := func() error { return nil }
	defer func() { require.NoError(t, restore()) }()
	return startServer(t, "-", "/bin/sh -c echo${IFS}ready;read${IFS}x", func(cmd *exec.Cmd) {
		var err error
		restore, err = scarce.Processes(cmd, room)
		require.NoError(t, err)
	})
}

// When no more processes are to be had, a terminal is refused with the advice
// to come back; the server lives, and so do its sessions.
func TestProcessesRunOut(t *testing.T) {
	room := 28 + runtime.GOMAXPROCS(0)
	p := startConfined(t, room)
	t.Logf("%d threads", p.status("Threads"))
	require.GreaterOrEqual(t, p.status("Threads"), 10, "Go aborts when it gets no thread for a start that waits")

	require.True(t, sessionOpensAndEnds(t, p))
	before := p.descriptors()
	for range 3 { // every time anew: what one round keeps is missed by the next
		open, refused := openAtOnce(t, p.url, 5*room)
		t.Logf("%d open, %d refused, %d threads", len(open), len(refused), p.status("Threads"))
		require.NotEmpty(t, open)
		require.NotEmpty(t, refused)
		for _, c := range refused {
			require.Equal(t, "start_failed", c.exit.Reason)
			require.True(t, c.exit.Retryable)
			require.Positive(t, c.exit.RetryAfter)
			require.Contains(t, c.exit.Detail, "cannot start another process")
		}
		resp, err := http.Get(strings.Replace(strings.TrimSuffix(p.url, "/terminals/t"), "ws://", "http://", 1) + "/host")
		require.NoError(t, err, "the host goes on serving")
		_ = resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		http.DefaultClient.CloseIdleConnections()
		for _, c := range open {
			c.end()
		}
		eventually(t, "nothing is kept open", func() bool { return p.descriptors() <= before })
	}
	require.True(t, sessionOpensAndEnds(t, p), "there is room again")
	p.stop()
	require.Equal(t, p.events("start"), p.events("end"))
}

// sessionOpensAndEnds reports whether there is room for a session.
func sessionOpensAndEnds(t *testing.T, p *process) bool {
	c := dialOpen(t, p.url)
	if c == nil || c.exit != nil {
		return false
	}
	c.end()
	return true
}

// end answers the command that reads a line.
func (c *client) end() {
	c.t.Helper()
	c.typed("\n")
	require.Equal(c.t, websocket.StatusNormalClosure, c.ended().Code)
	require.Equal(c.t, "exited", c.exit.Reason)
}

// openAtOnce opens n sessions at the same time and returns those that started
// and those that did not.
func openAtOnce(t *testing.T, url string, n int) (open, refused []*client) {
	t.Helper()
	all := make([]*client, n)
	var work sync.WaitGroup
	for i := range all {
		work.Go(func() { all[i] = dialOpen(t, url) })
	}
	work.Wait()
	for _, c := range all {
		switch {
		case c == nil:
			require.FailNow(t, "the server does not answer")
		case c.exit == nil:
			open = append(open, c)
		default:
			refused = append(refused, c)
		}
	}
	return open, refused
}

// dialOpen says hello and waits for ready, or for the exit message and its
// close. It returns nil when there is no answer.
func dialOpen(t *testing.T, url string) *client {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, url, &websocket.DialOptions{Subprotocols: []string{"pruvon.terminal.v1"}})
	if err != nil {
		t.Errorf("dial: %v", err)
		return nil
	}
	c := &client{t: t, ws: ws}
	if err := ws.Write(ctx, websocket.MessageText, []byte(`{"type":"hello","cols":80,"rows":24}`)); err != nil {
		t.Errorf("hello: %v", err)
		return nil
	}
	for c.ready.Type == "" {
		if err := c.step(ctx); err != nil {
			if code := websocket.CloseStatus(err); code != websocket.StatusTryAgainLater || c.exit == nil {
				t.Errorf("not started, and closed with %v, exit %+v", err, c.exit)
			}
			break
		}
	}
	return c
}
