package terminal_test

import (
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

func TestSessionFromHelloToExit(t *testing.T) {
	s := serve(t, shell(`stty size; read x; echo "got $x"; exit 3`))
	c := s.open(`{"type":"hello","cols":91,"rows":33,"client":"a"}`)
	require.Equal(t, "none", c.ready.Replay)
	require.Equal(t, "writer", c.ready.Role)
	require.EqualValues(t, 128<<10, c.ready.Window)
	require.Equal(t, 91, c.ready.Cols)
	c.shows("33 91")
	c.typed("hi\n")
	c.shows("got hi")
	ce := c.ended()
	require.Equal(t, websocket.StatusNormalClosure, ce.Code)
	require.Equal(t, "exited", c.exit.Reason)
	require.EqualValues(t, 3, c.exit.CodeRaw)
	require.Nil(t, c.exit.Signal)
	eventually(t, "end event", func() bool { return len(s.events.of("end")) == 1 })
	require.Len(t, s.events.of("start"), 1)
	require.Empty(t, sessions(s.Handler))
}

func TestExitBySignal(t *testing.T) {
	s := serve(t, shell(`kill -KILL $$`))
	c := s.open("")
	c.ended()
	require.Nil(t, c.exit.CodeRaw)
	require.Equal(t, "KILL", *c.exit.Signal)
}

func TestRawDialect(t *testing.T) {
	s := serve(t, shell(`stty size; read x; echo "got $x"; exit 4`))
	ws, _, err := s.dial(s.url()+"?cols=70&rows=20", nil)
	require.NoError(t, err)
	c := &client{t: t, ws: ws, noAck: true}
	c.shows("20 70")
	c.send("te")
	c.typed("xt\n")
	c.shows("got text")
	ce := c.ended()
	require.Equal(t, websocket.StatusNormalClosure, ce.Code)
	require.Contains(t, ce.Reason, "exit code 4")
	require.Empty(t, c.seen, "the raw dialect has no control messages")
}

func sessions(h *terminal.Handler) []terminal.Info {
	var all []terminal.Info
	for i := range h.Sessions() {
		all = append(all, i)
	}
	return all
}
