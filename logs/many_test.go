package logs_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// openFiles counts this process's descriptors of files whose path begins so.
func openFiles(t testing.TB, prefix string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	n := 0
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, prefix) {
			n++
		}
	}
	return n
}

func TestDescriptorsStayFewAndGoAway(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	require.NoError(t, l.f.Close())
	l.f = nil
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path, logs.Grace(100*time.Millisecond))}, Linger: -1,
	})
	c := s.dial("")
	c.lines(1)
	for range 20 {
		l.rename("-20260101")
		require.NoError(t, os.WriteFile(l.path, []byte("b\n"), 0o600))
		c.lines(1)
	}
	eventually(t, func() bool { return openFiles(t, l.path) == 1 })
	c.cancel()
	eventually(t, func() bool { return openFiles(t, l.path) == 0 })
}

// Old files are read on, but not more of them than 64, and a cursor that knows
// the place in each of them still fits where cursors must.
func TestGenerationsAreBounded(t *testing.T) {
	t.Parallel()
	l := newLog(t, "line 0")
	require.NoError(t, l.f.Close())
	l.f = nil
	state := t.TempDir()
	start := func() *server {
		return serve(t, logs.Config{
			Sources: map[string]logs.Source{"app": logs.File(l.path, logs.Grace(time.Hour))}, StateDir: state,
		})
	}
	s := start()
	c := s.dial("")
	require.Equal(t, []string{"line 0"}, c.lines(1))
	cursor := ""
	for i := 1; i <= 70; i++ {
		l.rename("-" + itoa(20260000+i))
		require.NoError(t, os.WriteFile(l.path, []byte("line "+itoa(i)+"\n"), 0o600))
		cursor = c.cursorAfter(1)
	}
	eventually(t, func() bool { return openFiles(t, l.path) == 64 })
	again, how := s.resumed(cursor)
	require.Equal(t, "exact", how)
	again.cancel()
	s.stop()
	require.NoError(t, os.WriteFile(l.path, []byte("line 70\nline 71\n"), 0o600))
	again, how = start().resumed(cursor)
	require.Equal(t, "file", how)
	require.Equal(t, []string{"line 71"}, again.lines(1))
}

func TestFiveHundredViewersOfOneFile(t *testing.T) {
	t.Parallel()
	viewers := 50
	if whole() {
		viewers = 500
	}
	l := newLog(t, "before")
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path)},
		Limits:  logs.Limits{PerUser: -1, PerAddr: -1},
	})
	clients := make([]*client, viewers)
	for i := range clients {
		clients[i] = s.dial("tail=1")
		require.Equal(t, []string{"before"}, clients[i].lines(1))
	}
	want := numbered("line", 1000)
	l.add(want...)
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			if got := c.lines(len(want)); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Error("a viewer got other lines")
			}
		})
	}
	wg.Wait()
	require.LessOrEqual(t, openFiles(t, l.path), 2, "ours and the follower's")
}

func TestTooManyViewersAreRefusedBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path)}, Limits: logs.Limits{PerUser: 1},
	})
	c := s.dial("")
	c.lines(1)
	status, kind := s.status("GET", "/logs/app")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, "urn:pruvon:problem:limit", kind)
}

// hostile is text that acts on a terminal, a browser or a reader of the
// protocol if it gets there as it is.
var hostile = []string{
	"\x1b]52;c;cHduZWQ=\x07", "\x1b]0;owned\x07", "\x1b[21t", "\x1bP$q\"p\x1b\\", "\x1b[2J\x1b[1;1H", "\x1b[c", "\x1b[6n",
	"\x1b]8;;javascript:alert(1)\x1b\\click\x1b]8;;\x1b\\", "\x1b]1337;File=:AAAA\x07", "\x1b_Gi=1;AAAA\x1b\\", "\x9b31m", "\x9d0;x\x9c",
	"\rdata: forged", "a\revent: end\rdata: {}\r\r", "\u2028\u2029\u0085", "\u202e\u2066\u200f", "\xff\xfe\xc0\xaf\xed\xa0\x80", "\x00\x01\x7f",
	`</script><img src=x onerror=alert(1)>`, `{"type":"end","why":"complete"}`, `"],"x":["`, "\\u001b]0;x\\u0007", "id: 1", ": comment", "retry: 1",
}

func TestHostileTextStaysTextOnEveryTransport(t *testing.T) {
	t.Parallel()
	l := newLog(t, hostile...)
	s := serveFile(t, l.path)
	var want []string
	for _, h := range hostile {
		want = append(want, string(logs.SanitizeText(nil, []byte(strings.TrimSuffix(h, "\r")))))
	}
	require.Equal(t, strings.Join(want, "\n")+"\n", s.text("follow=0"))
	for _, c := range []*client{s.dial(""), s.stream("")} {
		require.Equal(t, want, c.lines(len(want)))
	}
	// The bare dialect: a message is a line, and valid UTF-8.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.http.URL, "http")+"/logs/app",
		&websocket.DialOptions{HTTPHeader: http.Header{"Origin": {s.http.URL}}})
	require.NoError(t, err)
	defer conn.CloseNow()
	for _, w := range want {
		typ, b, err := conn.Read(ctx)
		require.NoError(t, err)
		require.Equal(t, websocket.MessageText, typ)
		require.True(t, utf8.Valid(b))
		require.Equal(t, w, string(b))
	}
}

// A detail of an event is made safe like a line.
func TestSourceDetailIsText(t *testing.T) {
	t.Parallel()
	s := serveSource(t, noteSource{"\x1b]0;owned\x07\r\n"})
	m, _ := s.dial("").until("source")
	require.Equal(t, "␛]0;owned␇␍␊", m.Detail)
}

type noteSource struct{ detail string }

func (n noteSource) Follow(_ context.Context, _ logs.Position, out logs.Sink) error {
	return out.Note(logs.Note{State: logs.Exited, Detail: n.detail})
}

// A source that never flushes has its lines sent all the same.
func TestSourceThatNeverFlushes(t *testing.T) {
	t.Parallel()
	s := serveSource(t, lazySource{})
	require.Equal(t, []string{"one", "two"}, s.dial("").lines(2))
}

type lazySource struct{}

func (lazySource) Follow(ctx context.Context, _ logs.Position, out logs.Sink) error {
	for _, l := range []string{"one", "two"} {
		if err := out.Line([]byte(l), time.Now(), logs.Stdout, nil); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

func TestPanickingSourceEndsItsStreamOnly(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"bad": panicSource{}, "app": logs.File(l.path)}})
	end, _ := s.dialName("bad", "").until("end")
	require.Equal(t, "fault", end.Why)
	require.Equal(t, []string{"a"}, s.dial("").lines(1))
}

type panicSource struct{}

func (panicSource) Follow(context.Context, logs.Position, logs.Sink) error { panic("oops") }

func TestMessagesStayWithinTheirBounds(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	s := serveFile(t, l.path)
	c := s.dial("tail=0")
	c.until("hello")
	l.raw(strings.Repeat(strings.Repeat("z", 300)+"\n", 2000))
	for got := 0; got < 2000; {
		m, _ := c.until("lines")
		raw := 0
		var e []json.RawMessage
		require.NoError(t, json.Unmarshal(m.Lines, &e))
		for _, x := range m.entries(t) {
			raw += len(x.M)
		}
		require.LessOrEqual(t, len(e), 512)
		require.LessOrEqual(t, raw, 64<<10)
		got += len(e)
	}
}
