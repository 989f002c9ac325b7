package terminal_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// A session that is being ended because of a revocation shows nothing more,
// also to who comes back to it meanwhile.
func TestComingBackToARevokedSession(t *testing.T) {
	s := serve(t, shell(`trap '' HUP TERM; echo secret; while :; do read x; done`))
	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
	c.shows("secret")
	require.Equal(t, 1, s.Revoke("ann"))
	for _, offset := range []string{"", `,"offset":0`} {
		again := s.connect()
		again.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q%s}`, c.ready.Session, offset))
		again.ended()
		require.Equal(t, "revoked", again.exit.Reason)
		require.Zero(t, again.out.Len())
		require.Nil(t, again.has("reset"))
	}
}

// A watcher who lags is not brought up to date first.
func TestARevocationDoesNotWaitForALaggingWatcher(t *testing.T) {
	s := serve(t, shell(`yes`))
	c := s.open("")
	v := s.connect(as("admin"))
	v.noAck = true
	v.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q}`, c.ready.Session))
	v.until("a window", func() bool { return v.ready.Type != "" && v.offset-v.ready.Offset > 120<<10 })
	start := c.offset
	c.until("more", func() bool { return c.offset-start > 4<<20 })
	s.Revoke("ann")
	require.Equal(t, websocket.StatusPolicyViolation, v.ended().Code)
	require.Equal(t, "revoked", v.exit.Reason)
	resets := 0
	for _, m := range v.seen {
		if m.Type == "reset" {
			resets++
		}
	}
	require.Equal(t, 1, resets, "the one it began with")
}

// slowEnd is a Process whose first End outlasts its context.
type slowEnd struct {
	*fake
	ends atomic.Int64
}

func (f *slowEnd) End(ctx context.Context) (int, error) {
	if f.ends.Add(1) == 1 {
		<-ctx.Done()
		return 7, ctx.Err()
	}
	return f.fake.End(ctx)
}

// A revocation's short deadline hurries the end and does not cut it off.
func TestAnEndThatTakesLongerIsAwaited(t *testing.T) {
	f := &slowEnd{fake: newFake("")}
	s := serve(t, opened(f))
	s.open("")
	require.Equal(t, 1, s.Revoke("ann"))
	eventually(t, "the end", func() bool { return len(s.events.of("end")) == 1 })
	require.EqualValues(t, 2, f.ends.Load())
	require.Contains(t, s.events.of("end")[0].Detail, "2 processes left")
}
