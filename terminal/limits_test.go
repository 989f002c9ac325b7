package terminal_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

func TestIdleIsWarnedOfAndEndsTheSession(t *testing.T) {
	term := shell(`echo ready; while :; do echo noise; sleep 0.02; done`)
	term.Idle = 300 * time.Millisecond
	s := serve(t, term)
	c := s.open("")
	c.until("warning", func() bool { m := c.has("notice"); return m != nil && m.CodeRaw == "idle" && m.Seconds == 1 })
	require.Equal(t, websocket.StatusPolicyViolation, c.ended().Code)
	require.Equal(t, "idle", c.exit.Reason)
}

// Output, pings, resizes and coming back are no signs of life; keys are.
func TestOnlyKeysCountAsActivity(t *testing.T) {
	term := shell(`stty -echo; echo ready; while read x; do :; done`)
	term.Idle = 500 * time.Millisecond
	s := serve(t, term)
	c := s.open("")
	start := time.Now()
	for time.Since(start) < 2*term.Idle {
		c.typed("\n")
		c.until("input", func() bool { return c.input > 0 })
		c.input = 0
	}
	require.Nil(t, c.exit, "typing keeps a session alive")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for c.exit == nil {
		<-pace.C
		_ = c.ws.Write(ctx, websocket.MessageText, []byte(`{"type":"ping","t":1}`))
		if c.step(ctx) != nil {
			break
		}
	}
	require.NotNil(t, c.exit)
	require.Equal(t, "idle", c.exit.Reason)
}

// What somebody types who may only watch keeps nothing alive.
func TestAWatchersKeysAreNoActivity(t *testing.T) {
	term := shell(`echo ready; sleep 1000`)
	term.Idle = 400 * time.Millisecond
	s := serve(t, term)
	w := s.open("")
	v := s.join(w, "")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for v.exit == nil && v.step(ctx) == nil {
		}
	}()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for typing := true; typing; {
		select {
		case <-pace.C:
			_ = v.ws.Write(ctx, websocket.MessageBinary, []byte("x"))
		case <-ended:
			typing = false
		}
	}
	require.NotNil(t, v.exit)
	require.Equal(t, "idle", v.exit.Reason)
}

func TestLifetime(t *testing.T) {
	term := shell(`echo ready; sleep 1000`)
	term.Lifetime = 300 * time.Millisecond
	s := serve(t, term)
	c := s.open("")
	c.until("warning", func() bool { m := c.has("notice"); return m != nil && m.CodeRaw == "lifetime" })
	c.ended()
	require.Equal(t, "lifetime", c.exit.Reason)
}

func TestKill(t *testing.T) {
	s := serve(t, shell(`echo ready; sleep 1000`))
	c := s.open("")
	c.shows("ready")
	require.ErrorIs(t, s.Kill("nobody"), terminal.ErrNotFound)
	require.NoError(t, s.Kill(c.ready.Session))
	require.Equal(t, websocket.StatusNormalClosure, c.ended().Code)
	require.Equal(t, "killed", c.exit.Reason)
	eventually(t, "gone", func() bool { return errors.Is(s.Kill(c.ready.Session), terminal.ErrNotFound) })
}

func TestRevokeEndsAttachedAndDetachedSessions(t *testing.T) {
	s := serve(t, shell(`trap 'echo late' HUP TERM; echo ready; while :; do read x; sleep 0.01; done`))
	attached, gone := s.open(""), s.open("")
	attached.shows("ready")
	gone.shows("ready")
	s.leave(gone)
	other := s.open("", as("bob"))
	watching := s.join(other, "", as("admin"))

	start := time.Now()
	require.Equal(t, 2, s.Revoke("ann"))
	require.Equal(t, websocket.StatusPolicyViolation, attached.ended().Code)
	require.Equal(t, "revoked", attached.exit.Reason)
	require.NotContains(t, attached.out.String(), "late", "who has lost access sees another byte")
	eventually(t, "the trees too", func() bool { return len(sessions(s.Handler)) == 1 })
	t.Logf("took %v", time.Since(start))

	require.Zero(t, s.Revoke("admin"))
	watching.ended()
	require.Equal(t, "revoked", watching.exit.Reason)
	other.shows("ready")
	require.Len(t, sessions(s.Handler), 1, "a watcher's end is not the session's")
}

func TestTheGrantEndsAttachedAndDetachedSessions(t *testing.T) {
	until := time.Now().Add(700 * time.Millisecond)
	s := serve(t, shell(`echo ready; sleep 1000`), func(c *terminal.Config) {
		c.Authorize = func(*http.Request, terminal.Resource) (terminal.Access, error) {
			return terminal.Access{User: "ann", Until: until}, nil
		}
	})
	attached, gone := s.open(""), s.open("")
	gone.shows("ready")
	s.leave(gone)
	attached.ended()
	require.Equal(t, "revoked", attached.exit.Reason)
	eventually(t, "both gone", func() bool { return len(sessions(s.Handler)) == 0 })
}

func TestARenewedGrantGoesOn(t *testing.T) {
	var asked atomic.Int64
	s := serve(t, shell(`echo ready; sleep 1000`), func(c *terminal.Config) {
		c.Revalidate = 50 * time.Millisecond
		c.Authorize = func(*http.Request, terminal.Resource) (terminal.Access, error) {
			asked.Add(1)
			return terminal.Access{User: "ann", Until: time.Now().Add(300 * time.Millisecond)}, nil
		}
	})
	c := s.open("")
	c.shows("ready")
	eventually(t, "asked many times", func() bool { return asked.Load() > 20 })
	c.send(`{"type":"ping","t":1}`)
	c.until("pong", func() bool { return c.has("pong") != nil })
}

func TestADenialEndsTheConnection(t *testing.T) {
	var mu sync.Mutex
	var verdict error
	s := serve(t, shell(`echo ready; sleep 1000`), func(c *terminal.Config) {
		c.Revalidate = 20 * time.Millisecond
		c.Authorize = func(*http.Request, terminal.Resource) (terminal.Access, error) {
			mu.Lock()
			defer mu.Unlock()
			return terminal.Access{User: "ann"}, verdict
		}
	})
	c := s.open("")
	c.shows("ready")
	mu.Lock()
	verdict = terminal.ErrDenied
	mu.Unlock()
	require.Equal(t, websocket.StatusPolicyViolation, c.ended().Code)
	require.Equal(t, "revoked", c.exit.Reason)
}
