package terminal_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// A command that writes and exits at once loses its last output where the
// terminal is closed as soon as the command has been waited for.
func TestNoTailIsLost(t *testing.T) {
	runs := 1000
	if full() {
		runs = 10_000
	}
	const size = 300_000
	scripts := []struct {
		name   string
		script string
		check  func(out []byte) bool
	}{
		{"a word", `printf 'the last word'`, func(out []byte) bool { return string(out) == "the last word" }},
		{"300 kB at once", fmt.Sprintf(`head -c %d /dev/zero | tr '\0' x; exec printf end`, size), func(out []byte) bool {
			return len(out) == size+3 && bytes.HasSuffix(out, []byte("xend"))
		}},
		// The job holds the terminal open: the end of the output is not seen.
		{"a background job", `sleep 100 & printf 'the last word'`, func(out []byte) bool { return string(out) == "the last word" }},
		{"stderr", `echo out; echo err >&2; exit 1`, func(out []byte) bool { return string(out) == "out\r\nerr\r\n" }},
	}
	n := runs / (len(scripts) * len(tailWays))
	for _, c := range scripts {
		for way, read := range tailWays {
			t.Run(c.name+", "+way, func(t *testing.T) {
				s := serve(t, shell(c.script))
				var lost atomic.Int64
				each(n, 8, func() {
					out, code := read(s)
					if !c.check(out) {
						lost.Add(1)
					}
					if code != websocket.StatusNormalClosure {
						t.Error(code)
					}
				})
				require.Zero(t, lost.Load(), "of %d runs", n)
			})
		}
	}
}

// tailWays are ways to run a terminal to its end. They return all it showed
// and the close code.
var tailWays = map[string]func(*server) ([]byte, websocket.StatusCode){
	"a page": func(s *server) ([]byte, websocket.StatusCode) {
		return s.tail(`{"type":"hello","cols":80,"rows":24}`)
	},
	"a narrow window": func(s *server) ([]byte, websocket.StatusCode) {
		return s.tail(`{"type":"hello","cols":80,"rows":24,"window":16384}`)
	},
	"raw": func(s *server) ([]byte, websocket.StatusCode) {
		ws, _, err := s.dial(s.url(), nil)
		if err != nil {
			s.t.Error(err)
			return nil, 0
		}
		c := &client{t: s.t, ws: ws, noAck: true}
		code := c.ended().Code
		return c.out.Bytes(), code
	},
	// It draws nothing until nothing more comes without. The last bytes of a
	// window are not worth a read.
	"a stalled page": func(s *server) ([]byte, websocket.StatusCode) {
		c := s.hello(`{"type":"hello","cols":80,"rows":24}`)
		c.noAck = true
		c.until("a window or the end", func() bool { return c.offset > 127<<10 || c.exit != nil })
		if c.exit == nil {
			c.noAck = false
			c.sendJSON(map[string]any{"type": "ack", "offset": c.offset})
		}
		code := c.ended().Code
		return c.out.Bytes(), code
	},
	// Its connection breaks somewhere, and it comes back for the rest.
	"a page that comes back": func(s *server) ([]byte, websocket.StatusCode) {
		c := s.hello(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
		c.noAck = true
		at := rand.Int64N(128 << 10)
		c.until("a place", func() bool { return c.ready.Type != "" && c.offset >= at || c.exit != nil })
		_ = c.ws.CloseNow()
		again := s.hello(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"client":"c","session":%q,"offset":%d}`, c.ready.Session, c.offset))
		code := again.ended().Code
		if again.ready.Replay != "exact" {
			s.t.Errorf("replay %q, exit %+v", again.ready.Replay, again.exit)
		}
		return append(c.out.Bytes(), again.out.Bytes()...), code
	},
}

// hello dials and says hello.
func (s *server) hello(hello string) *client {
	ws, _, err := s.dial(s.url(), []string{terminal.Subprotocol})
	if err != nil {
		s.t.Error(err)
		runtime.Goexit()
	}
	c := &client{t: s.t, ws: ws}
	c.send(hello)
	return c
}

func (s *server) tail(hello string) ([]byte, websocket.StatusCode) {
	c := s.hello(hello)
	code := c.ended().Code
	return c.out.Bytes(), code
}

// each calls f n times, some at a time.
func each(n, atOnce int, f func()) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range atOnce {
		wg.Go(func() {
			for next.Add(1) <= int64(n) {
				f()
			}
		})
	}
	wg.Wait()
}

// The last output reaches a page that draws slowly before the exit does.
func TestExitComesAfterTheOutput(t *testing.T) {
	s := serve(t, shell(`seq 200000; exit 9`))
	c := s.connect()
	c.noAck = true
	c.send(`{"type":"hello","cols":80,"rows":24,"window":16384}`)
	for c.exit == nil {
		before := c.offset
		c.until("output", func() bool { return c.offset > before || c.exit != nil })
		if c.exit == nil {
			c.sendJSON(map[string]any{"type": "ack", "offset": c.offset})
		}
	}
	require.True(t, strings.HasSuffix(c.out.String(), "199999\r\n200000\r\n"))
	require.EqualValues(t, 9, c.exit.CodeRaw)
}

// What a page acknowledges after the command has exited makes room for the
// rest of its output, as before.
func TestAcksCountAfterTheExit(t *testing.T) {
	const size = 20_000 // more than a window; the kernel holds the rest
	s := serve(t, shell(fmt.Sprintf(`head -c %d /dev/zero | tr '\0' x`, size)))
	c := s.connect()
	c.noAck = true
	c.send(`{"type":"hello","cols":80,"rows":24,"window":16384}`)
	c.until("a window", func() bool { return c.offset == 16384 })
	eventually(t, "the exit", func() bool { return len(sessions(s.Handler)) == 0 })
	c.noAck = false
	c.sendJSON(map[string]any{"type": "ack", "offset": c.offset})
	c.ended()
	require.Equal(t, size, c.out.Len())
}

// A command that exits while nobody reads, or nobody draws, leaves its last
// output in the kernel, where the ring had no room for it.
func TestTailBeyondAFullRing(t *testing.T) {
	const size = 20_000
	term := shell(fmt.Sprintf(`stty raw -echo; printf ready; read x; head -c %d /dev/zero | tr '\0' x; printf end`, size))
	term.Ring, term.Window = 16<<10, 16<<10
	for _, detached := range []bool{false, true} {
		t.Run(fmt.Sprintf("detached %v", detached), func(t *testing.T) {
			s := serve(t, term)
			c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
			c.shows("ready")
			c.noAck = true
			c.typed("go\n")
			if detached {
				s.leave(c)
			} else {
				c.until("a window", func() bool { return c.offset >= 16<<10 })
			}
			eventually(t, "the end", func() bool { return len(s.events.of("end")) == 1 })
			got := c.out.String()
			if detached {
				c = s.join(c, fmt.Sprintf(`,"client":"c","offset":%d`, c.offset))
				require.Equal(t, "exact", c.ready.Replay)
				got += c.out.String()
				c.out.Reset()
			} else {
				c.out.Reset()
				c.noAck = false
				c.sendJSON(map[string]any{"type": "ack", "offset": c.offset})
			}
			c.ended()
			got += c.out.String()
			require.Equal(t, len("ready")+size+len("end"), len(got))
			require.True(t, strings.HasSuffix(got, "xend"))
		})
	}
}
