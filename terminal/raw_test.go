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

// attach connects as the attach add-on of xterm.js and websocat do: without a
// subprotocol, and with no message but the terminal's bytes.
func (s *server) attach(query string) *client {
	s.t.Helper()
	ws, _, err := s.dial(s.url()+query, nil)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { _ = ws.CloseNow() })
	require.Empty(s.t, ws.Subprotocol())
	return &client{t: s.t, ws: ws, noAck: true}
}

// What is typed is typed, whether it comes as text or as binary, and whatever
// it looks like.
func TestRawInputIsNeverAMessage(t *testing.T) {
	s := serve(t, shell(`stty raw -echo; printf ready; exec cat`))
	c := s.attach("")
	c.shows("ready")
	for _, text := range []string{
		`{"type":"resize","cols":10,"rows":10}`, `{"type":"hello","cols":80,"rows":24}`, "\x1b[200~paste\x1b[201~", "\x03\x00\x04", "é€😀",
	} {
		c.send(text)
		c.shows(text)
		c.typed(text + "!")
		c.shows(text + "!")
	}
	c.typed("\xff\xfe")
	c.shows("\xff\xfe")
	require.Empty(t, c.seen)
}

func TestRawTextMustBeUTF8(t *testing.T) {
	s := serve(t, shell(`exec cat`))
	c := s.attach("")
	c.send("\xff")
	require.Equal(t, websocket.StatusInvalidFramePayloadData, c.ended().Code)
}

func TestRawSize(t *testing.T) {
	s := serve(t, shell(`stty size`))
	for query, want := range map[string]string{
		"": "24 80", "?cols=132&rows=50": "50 132", "?cols=1000&rows=1000": "1000 1000", "?rows=5": "5 80",
	} {
		s.attach(query).shows(want)
	}
	for _, query := range []string{"?cols=0", "?rows=-1", "?cols=1001", "?cols=x", "?rows=9999999999999999999", "?cols=80.5"} {
		_, resp, err := s.dial(s.url()+query, nil)
		require.Error(t, err)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode, query)
	}
}

func TestUnknownSubprotocolIsRefusedBeforeAnythingStarts(t *testing.T) {
	s := serve(t, shell(`exec cat`))
	for _, protocols := range [][]string{{"tty"}, {"pruvon.terminal.v2"}, {"webtty", "tty"}} {
		_, resp, err := s.dial(s.url(), protocols)
		require.Error(t, err)
		require.Equal(t, http.StatusBadRequest, resp.StatusCode)
	}
	require.Empty(t, s.events.of("start"))
	ws, _, err := s.dial(s.url(), []string{"tty", terminal.Subprotocol})
	require.NoError(t, err, "one that is known is enough")
	_ = ws.CloseNow()
}

// The session ends with its connection, however that ends.
func TestRawSessionEndsWithItsConnection(t *testing.T) {
	for name, end := range map[string]func(*websocket.Conn){
		"goodbye": func(ws *websocket.Conn) { _ = ws.Close(websocket.StatusNormalClosure, "") },
		"cut":     func(ws *websocket.Conn) { _ = ws.CloseNow() },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, shell(`trap '' HUP TERM; echo ready; while :; do sleep 1; done`))
			c := s.attach("")
			c.shows("ready")
			end(c.ws)
			eventually(t, "the end", func() bool { return len(s.events.of("end")) == 1 })
			require.Equal(t, "detached", s.events.of("end")[0].Outcome)
			require.Contains(t, s.events.of("end")[0].Detail, " 0 processes left")
			require.Empty(t, sessions(s.Handler))
		})
	}
}

// A client that reads slowly gets everything, and the program waits for it.
func TestRawClientThatReadsSlowly(t *testing.T) {
	const lines = 300_000
	s := serve(t, shell(fmt.Sprintf(`seq %d`, lines)))
	c := s.attach("")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for i := range 20 {
		require.NoError(t, c.step(ctx))
		if i%5 == 0 {
			require.NotEmpty(t, sessions(s.Handler), "the program has not run ahead of the line")
		}
	}
	c.ended()
	require.Equal(t, lines, strings.Count(c.out.String(), "\r\n"))
	require.True(t, strings.HasSuffix(c.out.String(), fmt.Sprintf("\r\n%d\r\n", lines)))
}

func TestRawCloseCodes(t *testing.T) {
	s := serve(t, shell(`echo ready; read x; exit 3`))
	c := s.attach("")
	c.shows("ready")
	require.Equal(t, 1, s.Revoke("ann"))
	ce := c.ended()
	require.Equal(t, websocket.StatusPolicyViolation, ce.Code)
	require.Contains(t, ce.Reason, "revoked")

	c = s.attach("")
	c.shows("ready")
	shut := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		shut <- s.Shutdown(ctx)
	}()
	require.Equal(t, websocket.StatusGoingAway, c.ended().Code)
	require.NoError(t, <-shut)
}

// A paste is held back by TCP alone, and arrives whole.
func TestRawPaste(t *testing.T) {
	const size = 10 << 20
	s := serve(t, shell(fmt.Sprintf(`stty raw -echo; printf ready; head -c %d | cksum`, size)))
	c := s.attach("")
	c.shows("ready")
	chunk := strings.Repeat("paste me ", 2000)[:16<<10]
	for range size / len(chunk) {
		c.send(chunk)
	}
	c.shows(" " + fmt.Sprint(size))
	c.ended()
}
