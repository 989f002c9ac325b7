package terminal_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/faultproxy"
	"github.com/pruvon/pruvon/terminal"
)

// full reports whether counts in the thousands run whole; see make test-full.
func full() bool { return os.Getenv("PRUVON_FULL") != "" }

// helper is a terminal in raw mode that runs this test binary's helper.
func helper(args string) terminal.Terminal {
	return terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
		cmd := exec.Command("/bin/sh", "-c", `stty raw -echo; exec "$0"`, os.Args[0])
		cmd.Env = append(os.Environ(), "PRUVON_TEST_HELPER="+args)
		return cmd, nil
	}}
}

// inputEnd is the last of what a streaming helper reads.
const inputEnd = "\x04END\x04"

// tab is a browser tab on a bad line: it comes back whenever its connection is
// lost, goes on at its offset, and sends again what was not accepted.
type tab struct {
	t     *testing.T
	s     *server
	proxy *faultproxy.Proxy
	fault func() faultproxy.Fault // of the next connection

	session  string
	offset   int64
	acked    int64
	hash     hash.Hash
	last     []byte // of the output
	input    []byte // all there is to type
	accepted int64
	sent     int64

	connections int
	exit        *message
}

// run stays connected until the session has ended.
func (c *tab) run(until time.Time) {
	for c.exit == nil {
		require.True(c.t, time.Now().Before(until), "%d connections, offset %d, input %d of %d", c.connections, c.offset, c.accepted, len(c.input))
		c.proxy.Set(c.fault())
		c.connect()
	}
}

// connect is the life of one connection.
func (c *tab) connect() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	url := "ws://" + c.proxy.Addr() + "/terminals/t"
	ws, _, err := c.s.dial(url, []string{terminal.Subprotocol})
	if err != nil {
		return
	}
	defer func() { _ = ws.CloseNow() }()
	c.connections++
	hello := map[string]any{"type": "hello", "cols": 80, "rows": 24, "client": "tab"}
	if c.session != "" {
		hello["session"], hello["offset"] = c.session, c.offset
	}
	if c.write(ctx, ws, hello) != nil {
		return
	}
	ready := false
	for {
		typ, data, err := ws.Read(ctx)
		if err != nil {
			require.NotErrorIs(c.t, err, context.DeadlineExceeded)
			return
		}
		if typ == websocket.MessageBinary {
			require.True(c.t, ready)
			c.output(data)
			if c.offset-c.acked >= 32<<10 {
				if c.write(ctx, ws, map[string]any{"type": "ack", "offset": c.offset}) != nil {
					return
				}
				c.acked = c.offset
			}
		} else {
			var m message
			require.NoError(c.t, json.Unmarshal(data, &m))
			switch m.Type {
			case "ready":
				ready = true
				c.isReady(m)
			case "input":
				require.GreaterOrEqual(c.t, m.Offset, c.accepted)
				c.accepted = m.Offset
			case "reset":
				require.Fail(c.t, "a reset where an exact replay was due")
			case "exit":
				c.exit = &m
			}
		}
		// The first output says that the terminal is in raw mode.
		if c.offset > 0 && c.typeSome(ctx, ws) != nil {
			return
		}
	}
}

func (c *tab) isReady(m message) {
	if c.session == "" {
		// The first ready may be lost: then the client does not know its
		// session, and the next hello starts another.
		require.Equal(c.t, "none", m.Replay)
		c.session = m.Session
	} else {
		require.Equal(c.t, c.session, m.Session)
		require.Equal(c.t, "exact", m.Replay)
	}
	require.Equal(c.t, c.offset, m.Offset)
	require.Equal(c.t, "writer", m.Role)
	require.GreaterOrEqual(c.t, m.Input, c.accepted)
	c.accepted, c.sent, c.acked = m.Input, m.Input, m.Offset
}

func (c *tab) output(b []byte) {
	_, _ = c.hash.Write(b)
	c.offset += int64(len(b))
	c.last = append(c.last, b...)
	c.last = c.last[max(0, len(c.last)-200):]
}

// typeSome sends some of the input, within the credit.
func (c *tab) typeSome(ctx context.Context, ws *websocket.Conn) error {
	n := min(int64(1+rand.IntN(5000)), int64(len(c.input))-c.sent, 256<<10-(c.sent-c.accepted))
	if n <= 0 {
		return nil
	}
	b := c.input[c.sent : c.sent+n]
	c.sent += n
	return ws.Write(ctx, websocket.MessageBinary, b)
}

func (c *tab) write(ctx context.Context, ws *websocket.Conn, m any) error {
	b, err := json.Marshal(m)
	require.NoError(c.t, err)
	return ws.Write(ctx, websocket.MessageText, b)
}

// The connection is cut at random points of the output and of the input, by
// resets, by clean ends and in one direction only: every byte of the output
// arrives once and in order, every byte of the input reaches the program once.
func TestResumeAtRandomPoints(t *testing.T) {
	total, cuts := int64(32<<20), 20
	if full() {
		total, cuts = 256<<20, 200
	}
	s := serve(t, helper(fmt.Sprintf("stream %d", total)))
	proxy, err := faultproxy.New(strings.TrimPrefix(s.http.URL, "http://"))
	require.NoError(t, err)
	defer proxy.Close()

	input := make([]byte, 1<<20)
	_, _ = rand.NewChaCha8([32]byte{'i'}).Read(input)
	input = append([]byte(strings.ReplaceAll(string(input), "\x04", "\x05")), inputEnd...)
	actions := []faultproxy.Action{faultproxy.Reset, faultproxy.Close, faultproxy.HalfClose}
	c := &tab{t: t, s: s, proxy: proxy, hash: sha256.New(), input: input}
	mean := total / int64(cuts)
	c.fault = func() (f faultproxy.Fault) {
		if c.session == "" {
			f.Down = faultproxy.Direction{After: 1<<20 + rand.Int64N(mean), Do: faultproxy.Reset}
			return f
		}
		if c.connections > cuts*3/2 {
			return f
		}
		f.Down = faultproxy.Direction{After: rand.Int64N(2 * mean), Do: actions[rand.IntN(3)]}
		if rand.IntN(2) == 0 {
			f.Up = faultproxy.Direction{After: rand.Int64N(64 << 10), Do: actions[rand.IntN(2)]}
		}
		return f
	}
	c.run(time.Now().Add(10 * time.Minute))

	want := sha256.New()
	_, _ = io.CopyN(want, rand.NewChaCha8([32]byte{1}), total)
	in := sha256.Sum256(input)
	report := fmt.Sprintf("IN %d %x\r\n", len(input), in)
	_, _ = want.Write([]byte(report))
	require.Equal(t, total+int64(len(report)), c.offset, "last %q", c.last)
	require.Equal(t, fmt.Sprintf("%x", want.Sum(nil)), fmt.Sprintf("%x", c.hash.Sum(nil)))
	require.True(t, strings.HasSuffix(string(c.last), report), "the input: %q", c.last)
	require.EqualValues(t, len(input), c.accepted)
	require.Greater(t, c.connections, cuts/2)
	require.Equal(t, "exited", c.exit.Reason)
	require.Len(t, s.events.of("start"), 1)
	t.Logf("%d connections for %d bytes", c.connections, c.offset)
}

// A line that is dead without an end costs nothing: the tab that comes back
// takes its old connection's place at once.
func TestResumeFromAStalledConnection(t *testing.T) {
	s := serve(t, shell(`stty raw -echo; echo ready; exec cat`))
	proxy, err := faultproxy.New(strings.TrimPrefix(s.http.URL, "http://"))
	require.NoError(t, err)
	defer proxy.Close()
	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"tab"}`)
	c.shows("ready")
	session, at := c.ready.Session, c.offset

	proxy.Set(faultproxy.Fault{Up: faultproxy.Direction{After: 1000, Do: faultproxy.Stall}, Down: faultproxy.Direction{After: 2000, Do: faultproxy.Stall}})
	ws, _, err := s.dial("ws://"+proxy.Addr()+"/terminals/t", []string{terminal.Subprotocol})
	require.NoError(t, err)
	defer func() { _ = ws.CloseNow() }()
	stalled := &client{t: t, ws: ws}
	stalled.send(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"client":"tab","session":%q,"offset":%d}`, session, at))
	stalled.until("ready", func() bool { return stalled.ready.Type != "" })
	require.Equal(t, "replaced", func() string { c.ended(); return c.exit.Reason }())
	stalled.typed(strings.Repeat("x", 5000)) // most of it is lost on the way

	again := s.open(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"client":"tab","session":%q,"offset":%d}`, session, at))
	require.Equal(t, "exact", again.ready.Replay)
	require.Less(t, again.ready.Input, int64(1000))
	again.typed(strings.Repeat("x", 5000)[again.ready.Input:] + "\n!")
	again.until("the echo", func() bool { return strings.HasSuffix(again.out.String(), "!") })
	require.Equal(t, strings.Repeat("x", 5000)+"\n!", again.out.String())
}
