package terminal_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// When descriptors run out, terminals are refused with a 503 while there are
// still enough for the rest of the program, and come back with the first that
// is free.
func TestDescriptorsRunOut(t *testing.T) {
	p := startServer(t, "-", "/bin/sh -c echo${IFS}ready;read${IFS}x")
	for _, c := range p.openMany(2) {
		_ = c.Close()
	}
	limit := unix.Rlimit{Cur: 100, Max: 100}
	require.NoError(t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil))

	dial := func() (*websocket.Conn, *http.Response, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return websocket.Dial(ctx, p.url, &websocket.DialOptions{})
	}
	var open []*websocket.Conn
	var refused *http.Response
	for range 60 {
		ws, resp, err := dial() // raw: nothing else to come back to
		if err != nil {
			refused = resp
			break
		}
		open = append(open, ws)
	}
	require.NotNil(t, refused, "never refused, or reset instead of refused")
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode)
	require.NotEmpty(t, refused.Header.Get("Retry-After"))
	require.Equal(t, "application/problem+json", refused.Header.Get("Content-Type"))
	require.Greater(t, len(open), 10)
	require.Less(t, p.descriptors(), 90, "nothing is left for the host")

	resp, err := http.Get(strings.Replace(p.url, "ws://", "http://", 1))
	require.NoError(t, err, "the host goes on serving")
	_ = resp.Body.Close()
	require.Equal(t, http.StatusUpgradeRequired, resp.StatusCode)
	http.DefaultClient.CloseIdleConnections()

	for _, ws := range open {
		_ = ws.CloseNow()
	}
	eventually(t, "room again", func() bool {
		ws, _, err := dial()
		if err != nil {
			return false
		}
		_ = ws.CloseNow()
		return true
	})
	p.stop()
}

// The kernel's line editing erases whole characters.
func TestBackspaceErasesACharacter(t *testing.T) {
	s := serve(t, shell(`stty -a; read x; echo "<$x>"; read y`))
	c := s.open("")
	c.shows(" iutf8")
	require.NotContains(t, c.out.String(), "-iutf8")
	c.typed("aä\x7fb\n")
	c.shows("<ab>")
}
