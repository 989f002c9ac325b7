package terminal_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// join attaches another connection to c's session.
func (s *server) join(c *client, extra string, opts ...dialOption) *client {
	s.t.Helper()
	return s.open(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q%s}`, c.ready.Session, extra), opts...)
}

func TestWatchersSeeTheSameAndOneWrites(t *testing.T) {
	s := serve(t, shell(`stty -echo; echo ready; while read x; do echo "<$x>"; done`))
	w := s.open(`{"type":"hello","cols":80,"rows":24,"client":"w"}`)
	w.shows("ready")
	v := s.join(w, `,"client":"v"`)
	require.Equal(t, "viewer", v.ready.Role)
	require.Equal(t, "reset", v.ready.Replay)
	v.until("picture", func() bool { return v.has("reset") != nil })

	v.typed("from the viewer\n")
	v.until("its offset counts on", func() bool { return v.input == 16 })
	w.typed("one\n")
	w.shows("<one>")
	v.shows("<one>")
	require.NotContains(t, w.out.String(), "viewer")

	v.send(`{"type":"take"}`)
	v.until("role", func() bool { m := v.has("role"); return m != nil && m.Role == "writer" && m.Writer == "ann" })
	w.until("role", func() bool { m := w.has("role"); return m != nil && m.Role == "viewer" })
	w.typed("too late\n")
	v.typed("two\n")
	v.shows("<two>")
	w.shows("<two>")
	require.NotContains(t, v.out.String(), "late")
	eventually(t, "audit", func() bool { return len(s.events.of("takeover")) == 1 })
}

func TestTheWritersSizeCountsAndOthersAreTold(t *testing.T) {
	s := serve(t, shell(`trap 'echo "<$(stty size)>"' WINCH; echo ready; while :; do read x; done`))
	w := s.open("")
	w.shows("ready")
	v := s.join(w, "")
	v.send(`{"type":"resize","cols":10,"rows":10}`)
	w.send(`{"type":"resize","cols":100,"rows":40}`)
	v.until("size", func() bool { m := v.has("size"); return m != nil && m.Cols == 100 && m.Rows == 40 })
	w.shows("<40 100>")
	require.NotContains(t, w.out.String(), "<10 10>")
	require.Nil(t, w.has("size"), "the writer knows its size")
	require.Equal(t, terminal.Size{Cols: 100, Rows: 40}, sessions(s.Handler)[0].Size)
}

func TestReadOnlyIsEnforcedOnTheServer(t *testing.T) {
	for _, c := range []struct {
		name string
		user string
		term func(*terminal.Terminal)
	}{
		{"by the host's word", "guest", func(*terminal.Terminal) {}},
		{"by configuration", "ann", func(t *terminal.Terminal) { t.ReadOnly = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			term := shell(`echo ready; read x; echo "got $x"; read y`)
			c.term(&term)
			s := serve(t, term)
			v := s.open("", as(c.user))
			require.Equal(t, "viewer", v.ready.Role)
			v.shows("ready")
			v.typed("evil\n")
			v.send(`{"type":"take"}`)
			v.until("notice", func() bool { m := v.has("notice"); return m != nil && m.CodeRaw == "read_only" })
			v.typed("evil\n")
			v.until("counted", func() bool { return v.input == 10 })
			require.NotContains(t, v.out.String(), "got")
		})
	}
}

// Flow control holds where nobody may type, too.
func TestAReadOnlyTerminalStillWaitsForItsPage(t *testing.T) {
	term := shell(`yes`)
	term.ReadOnly = true
	s := serve(t, term)
	c := s.connect()
	c.noAck = true
	c.send(`{"type":"hello","cols":80,"rows":24}`)
	c.until("a window", func() bool { return c.offset > 120<<10 })
	c.quiet(50 * time.Millisecond)
	require.LessOrEqual(t, c.offset, int64(128<<10))
	require.Nil(t, c.has("reset"))
}

func TestSessionsOfOthers(t *testing.T) {
	s := serve(t, shell(`echo ready; read x; echo "got $x"; read y`))
	w := s.open("")
	w.shows("ready")

	foreign := s.connect(as("eve"))
	foreign.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q}`, w.ready.Session))
	require.Equal(t, websocket.StatusPolicyViolation, foreign.ended().Code)
	unknown := s.connect(as("eve"))
	unknown.send(`{"type":"hello","cols":80,"rows":24,"session":"ZZZZZZZZZZZZZZZZZZZZZZZZZZ"}`)
	unknown.ended()
	require.Equal(t, unknown.exit, foreign.exit, "a foreign session looks like none")

	admin := s.join(w, "", as("admin"))
	require.Equal(t, "viewer", admin.ready.Role)
	admin.until("picture", func() bool { return admin.has("reset") != nil })
	admin.send(`{"type":"take"}`)
	w.until("role", func() bool { m := w.has("role"); return m != nil && m.Role == "viewer" && m.Writer == "admin" })
	admin.typed("hello\n")
	w.shows("got hello")
	eventually(t, "audit", func() bool {
		e := s.events.of("takeover")
		return len(e) == 1 && e[0].User == "admin" && e[0].Detail == `from "ann"`
	})
}

// A viewer that draws nothing costs the others nothing, and is brought up to
// date when it goes on.
func TestAStalledViewerSlowsNobodyAndCatchesUp(t *testing.T) {
	term := shell(`stty raw -echo; echo ready; read x; i=0; while [ $i -lt 300000 ]; do echo "line $i"; i=$((i+1)); done; echo the end; read y`)
	term.Ring = 64 << 10
	s := serve(t, term)
	w := s.open("")
	w.shows("ready")
	v := s.connect()
	v.noAck = true
	v.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"window":16384,"session":%q}`, w.ready.Session))
	v.until("ready", func() bool { return v.ready.Type != "" })
	w.typed("go\n")
	w.shows("the end")
	v.until("its window is full", func() bool { return v.offset > 10<<10 })
	pictures := strings.Count(fmt.Sprint(v.seen), "reset")
	v.noAck = false
	v.sendJSON(map[string]any{"type": "ack", "offset": v.offset})
	v.until("another picture", func() bool { return strings.Count(fmt.Sprint(v.seen), "reset") > pictures })
	v.until("the picture's bytes", func() bool { return v.skip == 0 })
	require.Equal(t, w.offset, v.offset)
}

func TestTheSameClientReplacesItsOldConnection(t *testing.T) {
	s := serve(t, shell(`stty raw -echo; echo ready; exec cat`))
	old := s.open(`{"type":"hello","cols":80,"rows":24,"client":"tab"}`)
	old.shows("ready")
	old.typed("abc")
	old.shows("abc")
	again := s.join(old, fmt.Sprintf(`,"client":"tab","offset":%d`, old.offset))
	require.Equal(t, "exact", again.ready.Replay)
	require.Equal(t, "writer", again.ready.Role)
	require.EqualValues(t, 3, again.ready.Input)
	ce := old.ended()
	require.Equal(t, websocket.StatusPolicyViolation, ce.Code)
	require.Equal(t, "replaced", old.exit.Reason)
	again.typed("d")
	again.shows("d")
}

// What was taken over while its client was away stays with who took it.
func TestATakenRoleIsNotTakenBackByComingBack(t *testing.T) {
	s := serve(t, shell(`echo ready; exec cat`))
	w := s.open(`{"type":"hello","cols":80,"rows":24,"client":"w"}`)
	w.shows("ready")
	v := s.join(w, `,"client":"v"`)
	_ = w.ws.CloseNow()
	v.until("the writer has gone", func() bool { m := v.has("role"); return m != nil && m.Writer == "" })
	v.send(`{"type":"take"}`)
	v.until("role", func() bool { return v.has("role").Role == "writer" })
	back := s.join(w, `,"client":"w"`)
	require.Equal(t, "viewer", back.ready.Role)
}

func TestAViewerDoesNotBecomeWriterByItself(t *testing.T) {
	s := serve(t, shell(`echo ready; read x; echo "got $x"; read y`))
	w := s.open(`{"type":"hello","cols":80,"rows":24,"client":"w"}`)
	w.shows("ready")
	v := s.join(w, `,"mode":"view"`)
	_ = w.ws.CloseNow()
	v.until("the writer has gone", func() bool { m := v.has("role"); return m != nil && m.Writer == "" })
	v.typed("x\n")
	v.until("counted", func() bool { return v.input == 2 })
	back := s.join(w, `,"client":"w"`)
	require.Equal(t, "writer", back.ready.Role)
	require.NotContains(t, v.out.String(), "got")
}

// A host may admit somebody to watch who may not attach: the URL says so
// before the upgrade.
func TestViewModeIsAuthorizedAsSuch(t *testing.T) {
	s := serve(t, shell(`echo ready; read x; echo "got $x"; read y`), func(c *terminal.Config) {
		c.Authorize = func(r *http.Request, res terminal.Resource) (terminal.Access, error) {
			if r.Header.Get("X-Test-User") == "boss" {
				if res.Action != "view" {
					return terminal.Access{}, terminal.ErrDenied
				}
				return terminal.Access{User: "boss", Admin: true}, nil
			}
			return byHeader(r, res)
		}
	})
	w := s.open("")
	w.shows("ready")
	_, _, err := s.dial(s.url(), []string{terminal.Subprotocol}, as("boss"))
	require.Error(t, err)
	ws, _, err := s.dial(s.url()+"?mode=view", []string{terminal.Subprotocol}, as("boss"))
	require.NoError(t, err)
	v := &client{t: t, ws: ws}
	v.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q}`, w.ready.Session))
	v.until("ready", func() bool { return v.ready.Role == "viewer" })
	v.typed("evil\n")
	v.until("counted", func() bool { return v.input == 5 })
	v.send(`{"type":"take"}`)
	v.until("notice", func() bool { m := v.has("notice"); return m != nil && m.CodeRaw == "read_only" })
	require.NotContains(t, w.out.String(), "evil")

	fresh, _, err := s.dial(s.url()+"?mode=view", []string{terminal.Subprotocol}, as("boss"))
	require.NoError(t, err)
	n := &client{t: t, ws: fresh}
	n.send(`{"type":"hello","cols":80,"rows":24}`)
	require.Equal(t, websocket.StatusPolicyViolation, n.ended().Code)
}

func TestASessionBelongsToItsTerminal(t *testing.T) {
	s := serve(t, shell(`echo ready; read x`), func(c *terminal.Config) {
		c.Lookup = func(_ context.Context, name string) (terminal.Terminal, error) {
			if name == "found" {
				return shell(`echo another; read x`), nil
			}
			return terminal.Terminal{}, terminal.ErrNotFound
		}
	})
	w := s.open("")
	ws, _, err := s.dial(strings.TrimSuffix(s.url(), "t")+"found", []string{terminal.Subprotocol})
	require.NoError(t, err)
	c := &client{t: t, ws: ws}
	c.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q}`, w.ready.Session))
	c.ended()
	require.Equal(t, "detached", c.exit.Reason)
	ws, _, err = s.dial(strings.TrimSuffix(s.url(), "t")+"found", []string{terminal.Subprotocol})
	require.NoError(t, err)
	c = &client{t: t, ws: ws}
	c.send(`{"type":"hello","cols":80,"rows":24}`)
	c.shows("another")
}

// Everybody is told when somebody comes to watch or leaves.
func TestWatchersAreAnnounced(t *testing.T) {
	s := serve(t, shell(`echo ready; sleep 1000`))
	w := s.open("")
	told := func(c *client, text string) func() bool {
		return func() bool { m := c.has("notice"); return m != nil && m.CodeRaw == "watchers" && m.Text == text }
	}
	v := s.join(w, "")
	w.until("two", told(w, "2 connections to this session"))
	v.until("two", told(v, "2 connections to this session"))
	_ = v.ws.CloseNow()
	w.until("one", told(w, "1 connection to this session"))
}
