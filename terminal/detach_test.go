package terminal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// leave cuts the connection and waits until the server knows.
func (s *server) leave(c *client) {
	s.t.Helper()
	_ = c.ws.CloseNow()
	eventually(s.t, "detached", func() bool {
		for _, i := range sessions(s.Handler) {
			if i.ID == c.ready.Session {
				return i.Attached == 0
			}
		}
		return true
	})
}

// While nobody is attached the command runs until the ring is full, then
// waits; whoever comes back gets every byte.
func TestDetachedOutputWaitsForItsReader(t *testing.T) {
	term := shell(`echo ready; read x; i=0; while [ $i -lt 30000 ]; do echo "line $i"; i=$((i+1)); done; read y`)
	term.Ring = 128 << 10
	s := serve(t, term)
	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
	c.shows("ready")
	c.typed("go\n")
	c.shows("line 10\r\n")
	s.leave(c)
	back := s.join(c, fmt.Sprintf(`,"client":"c","offset":%d`, c.offset))
	require.Equal(t, "exact", back.ready.Replay)
	back.shows("line 29999\r\n")
	all := c.out.String() + back.out.String()
	for i := range 30000 {
		line := fmt.Sprintf("line %d\r\n", i)
		at := strings.Index(all, line)
		require.GreaterOrEqual(t, at, 0, line)
		all = all[at+len(line):]
	}
}

func TestDetachedOutputDiscarded(t *testing.T) {
	term := shell(`echo ready; read x; yes 0123456789 | head -c 1000000; echo the end; read y`)
	term.Ring, term.DetachedOutput = 64<<10, terminal.DetachedDiscard
	s := serve(t, term)
	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
	c.shows("ready")
	c.typed("go\n")
	s.leave(c)
	eventually(t, "it runs to its end", func() bool {
		back := s.join(c, fmt.Sprintf(`,"client":"c","offset":%d`, c.offset))
		defer s.leave(back)
		if back.ready.Replay != "reset" {
			return false
		}
		back.until("picture", func() bool { return back.has("reset") != nil })
		return back.has("reset").Offset > 1_000_000
	})
}

// With a viewer present the session goes on at the viewer's side, and the
// writer that was away gets a picture.
func TestAViewerKeepsTheSessionGoing(t *testing.T) {
	term := shell(`echo ready; read x; yes 0123456789 | head -c 3000000; echo the end; read y`)
	term.Ring = 64 << 10
	s := serve(t, term)
	w := s.open(`{"type":"hello","cols":80,"rows":24,"client":"w"}`)
	w.shows("ready")
	v := s.join(w, `,"mode":"view"`)
	w.typed("go\n")
	_ = w.ws.CloseNow()
	v.until("the end", func() bool {
		m := v.has("reset")
		return strings.Contains(v.out.String(), "the end") || m != nil && m.Offset > 3_000_000
	})
	back := s.join(w, fmt.Sprintf(`,"client":"w","offset":%d`, w.offset))
	require.Equal(t, "reset", back.ready.Replay)
	require.Equal(t, "writer", back.ready.Role)
}

// After a reset the program is asked to draw its screen again, although the
// size is the same.
func TestTheProgramRedrawsAfterAReset(t *testing.T) {
	s := serve(t, shell(`trap 'echo "winch $(stty size)"' WINCH; echo ready; while :; do read x; done`))
	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
	c.shows("ready")
	s.leave(c)
	back := s.join(c, `,"client":"c"`)
	require.Equal(t, "reset", back.ready.Replay)
	back.shows("winch 24 80")
	require.Equal(t, terminal.Size{Cols: 80, Rows: 24}, sessions(s.Handler)[0].Size)
}

func TestNobodyComesBack(t *testing.T) {
	term := shell(`echo ready; read x`)
	term.DetachGrace = 50 * time.Millisecond
	s := serve(t, term)
	c := s.open("")
	c.shows("ready")
	_ = c.ws.CloseNow()
	eventually(t, "gone", func() bool { return len(sessions(s.Handler)) == 0 })
	eventually(t, "end event", func() bool {
		e := s.events.of("end")
		return len(e) == 1 && e[0].Outcome == "detached"
	})
	late := s.connect()
	late.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"session":%q,"offset":0}`, c.ready.Session))
	require.Equal(t, websocket.StatusPolicyViolation, late.ended().Code)
	require.Equal(t, "detached", late.exit.Reason)
}

func TestWithoutGraceASessionEndsWithItsConnection(t *testing.T) {
	term := shell(`echo ready; read x`)
	term.DetachGrace = -1
	s := serve(t, term)
	c := s.open("")
	c.shows("ready")
	_ = c.ws.CloseNow()
	eventually(t, "gone", func() bool { return len(sessions(s.Handler)) == 0 })
}

// A command that ends while nobody is attached still hands over its last
// output and its exit to whoever comes back.
func TestTheLastOutputWaitsForADetachedClient(t *testing.T) {
	s := serve(t, shell(`echo ready; read x; sleep 0.1; echo last words; exit 7`))
	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
	c.shows("ready")
	c.typed("go\n")
	c.shows("go")
	s.leave(c)
	eventually(t, "ended", func() bool { return len(s.events.of("end")) == 1 })
	require.Empty(t, sessions(s.Handler), "an ended session is not listed")
	back := s.join(c, fmt.Sprintf(`,"client":"c","offset":%d`, c.offset))
	require.Equal(t, websocket.StatusNormalClosure, back.ended().Code)
	require.Contains(t, back.out.String(), "last words")
	require.EqualValues(t, 7, back.exit.CodeRaw)
}
