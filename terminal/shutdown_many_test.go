package terminal_test

import (
	"context"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// Every client is told, whatever it is doing, and no process is left.
func TestShutdownTellsEveryClientAndLeavesNothing(t *testing.T) {
	n := 100
	if full() {
		n = 1000
	}
	for _, c := range []struct {
		name, script string
		processes    int // a session
	}{
		{"cat", `: > $DIR/$$; echo ready; exec cat`, 1},
		{
			"a shell and its job that ignore HUP",
			`trap '' HUP; sleep 1000 & : > $DIR/$!; : > $DIR/$$; echo ready; read x`, 2,
		},
	} {
		t.Run(c.name, func(t *testing.T) { shutdownMany(t, n, c.script, c.processes) })
	}
}

// shutdownMany ends n sessions whose processes leave a file in $DIR, named
// after their number.
func shutdownMany(t *testing.T, n int, script string, processes int) {
	dir := t.TempDir()
	s := serve(t, shell("DIR="+dir+"; "+script), unlimited)
	clients := make([]*client, n)
	for i := range clients {
		clients[i] = s.open("")
	}
	for _, c := range clients {
		c.shows("ready")
	}
	greeting := s.connect() // has not said hello yet
	s.leave(clients[0])
	pids, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, pids, n*processes)

	start := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var told sync.WaitGroup
	for _, c := range append(clients[1:], greeting) {
		told.Go(func() {
			ce := c.ended()
			if ce.Code != websocket.StatusGoingAway || c.exit == nil || c.exit.Reason != "shutdown" {
				t.Errorf("closed with %v, exit %+v", ce, c.exit)
			}
		})
	}
	require.NoError(t, s.Shutdown(ctx))
	t.Logf("%d sessions in %v", n, time.Since(start))
	told.Wait()
	require.Empty(t, sessions(s.Handler))
	ends := s.events.of("end")
	require.Len(t, ends, n)
	for _, e := range ends {
		require.Equal(t, "shutdown", e.Outcome)
	}
	for _, pid := range pids {
		require.False(t, alive(pid.Name()), "a process is left")
	}

	_, resp, err := s.dial(s.url(), []string{terminal.Subprotocol})
	require.Error(t, err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	require.NoError(t, s.Shutdown(ctx), "a second shutdown is as good as the first")
}
