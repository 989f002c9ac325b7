package terminal_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/terminal"
)

// reattaching answers a first question as byHeader does and the later ones,
// about a session, as it is told.
func reattaching(answer func(*terminal.Access) error) func(*terminal.Config) {
	return func(c *terminal.Config) {
		c.Revalidate = -1
		c.Authorize = func(r *http.Request, res terminal.Resource) (terminal.Access, error) {
			acc, err := byHeader(r, res)
			if res.ID != "" {
				err = answer(&acc)
			}
			return acc, err
		}
	}
}

// comeBack names another connection's session and reads to the end of what
// the server has to say about it.
func (s *server) comeBack(c *client, opts ...dialOption) *client {
	s.t.Helper()
	again := s.connect(opts...)
	again.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q}`, c.ready.Session))
	again.until("an answer", func() bool { return again.exit != nil || again.ready.Type != "" })
	return again
}

func TestReattachingIsAuthorizedAnew(t *testing.T) {
	s := serve(t, shell(`echo ready; sleep 1000`), reattaching(func(*terminal.Access) error { return terminal.ErrDenied }))
	c := s.open("")
	again := s.comeBack(c)
	require.Equal(t, websocket.StatusPolicyViolation, again.ended().Code)
	require.Equal(t, "revoked", again.exit.Reason)
	require.Empty(t, again.out.String())
	eventually(t, "the audit", func() bool {
		e := s.events.of("denied")
		return len(e) == 1 && e[0].User == "ann" && e[0].ID == c.ready.Session && e[0].Outcome == "denied"
	})
	c.shows("ready") // whoever is still admitted goes on
}

func TestReattachingWhenItCannotBeAuthorizedNow(t *testing.T) {
	s := serve(t, shell(`echo ready; sleep 1000`), reattaching(func(*terminal.Access) error { return http.ErrServerClosed }))
	again := s.comeBack(s.open(""))
	require.Equal(t, websocket.StatusInternalError, again.ended().Code)
	require.Equal(t, "fault", again.exit.Reason)
	require.True(t, again.exit.Retryable)
	require.Positive(t, again.exit.RetryAfter)
	require.Empty(t, s.events.of("denied"))
}

// An address that has been taken off the list does not come back, and the host
// is not even asked.
func TestReattachingAsksTheAddressFilterFirst(t *testing.T) {
	var denied atomic.Bool
	var asked atomic.Int64
	s := serve(t, shell(`echo ready; sleep 1000`), reattaching(func(*terminal.Access) error { asked.Add(1); return nil }))
	inner := s.http.Config.Handler
	s.http.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r.WithContext(gate.WithChecked(r.Context(), gate.Checked{
			Addr: netip.MustParseAddr("192.0.2.1"),
			Recheck: func() error {
				if denied.Load() {
					return gate.Forbidden("address", "", "")
				}
				return nil
			},
		})))
	})
	c := s.open("")
	require.Nil(t, s.comeBack(c).exit)
	require.EqualValues(t, 1, asked.Load())
	denied.Store(true)
	again := s.comeBack(c)
	require.Equal(t, websocket.StatusPolicyViolation, again.ended().Code)
	require.Equal(t, "revoked", again.exit.Reason)
	require.EqualValues(t, 1, asked.Load())
}

// What is granted at a reattach counts from then on: less than before, and
// longer than before.
func TestReattachingTakesTheNewGrant(t *testing.T) {
	t.Run("read only", func(t *testing.T) {
		s := serve(t, shell(`stty -echo; echo ready; read x; echo "got $x"`), reattaching(func(a *terminal.Access) error {
			a.ReadOnly = true
			return nil
		}))
		c := s.open("")
		c.shows("ready")
		s.leave(c)
		again := s.comeBack(c)
		require.Equal(t, "viewer", again.ready.Role)
		again.typed("evil\n")
		again.until("counted", func() bool { return again.input == 5 })
		require.Empty(t, sessions(s.Handler)[0].Writer)
	})
	t.Run("until", func(t *testing.T) {
		soon := time.Now().Add(time.Hour)
		s := serve(t, shell(`echo ready; sleep 1000`), reattaching(func(a *terminal.Access) error {
			a.Until = soon
			return nil
		}))
		c := s.open("")
		c.shows("ready")
		soon = time.Now().Add(300 * time.Millisecond)
		again := s.comeBack(c)
		require.Equal(t, websocket.StatusPolicyViolation, again.ended().Code)
		require.Equal(t, "revoked", again.exit.Reason)
	})
}

func TestSomebodyElsesSessionIsAudited(t *testing.T) {
	s := serve(t, shell(`echo ready; sleep 1000`))
	c := s.open("")
	s.comeBack(c, as("eve")).ended()
	eventually(t, "the audit", func() bool {
		e := s.events.of("denied")
		return len(e) == 1 && e[0].User == "eve" && e[0].ID == c.ready.Session && e[0].Outcome == "not-found"
	})
}

// Caps that are reached keep nobody from a session that exists: not its user,
// not an Admin; others are refused as they are.
func TestComingBackWhenThereIsNoRoom(t *testing.T) {
	s := serve(t, shell(`echo ready; sleep 1000`), func(c *terminal.Config) { c.Limits = terminal.Limits{Total: 1} })
	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
	c.shows("ready")
	s.leave(c)
	for _, user := range []string{"ann", "admin"} {
		again := s.comeBack(c, as(user))
		require.Nil(t, again.exit, user)
		require.Equal(t, c.ready.Session, again.ready.Session)
	}
	_, resp, err := s.dial(s.url(), []string{terminal.Subprotocol}, as("eve"))
	require.Error(t, err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
}
