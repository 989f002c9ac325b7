package terminal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// quiet reads until nothing has come for a while.
func (c *client) quiet(d time.Duration) {
	c.t.Helper()
	// A read that is given up would end the connection, so a marker is
	// asked for instead: what the server sends before its pong has come.
	for {
		before := c.offset
		mark := float64(time.Now().UnixNano())
		time.AfterFunc(d, func() { c.sendJSON(map[string]any{"type": "ping", "t": mark}) })
		c.until("pong", func() bool { m := c.has("pong"); return m != nil && m.T == mark })
		if c.offset == before {
			return
		}
	}
}

func TestAtMostAWindowIsUnacknowledged(t *testing.T) {
	s := serve(t, shell(`yes 0123456789`))
	c := s.connect()
	c.noAck = true
	c.send(`{"type":"hello","cols":80,"rows":24,"window":32768}`)
	c.until("ready", func() bool { return c.ready.Type != "" })
	require.EqualValues(t, 32768, c.ready.Window)
	c.quiet(50 * time.Millisecond)
	require.LessOrEqual(t, c.offset, int64(32768))
	require.Greater(t, c.offset, int64(32768-2048), "the window is not used")

	// What is acknowledged is made good, to the byte.
	c.sendJSON(map[string]any{"type": "ack", "offset": 10_000})
	c.until("more", func() bool { return c.offset > 32768+8000 })
	c.quiet(50 * time.Millisecond)
	require.LessOrEqual(t, c.offset, int64(42768))
	require.Zero(t, strings.Count(strings.ReplaceAll(c.out.String(), "0123456789\r\n", ""), "\n"), "bytes are missing")
}

func TestWindowIsClampedToItsBounds(t *testing.T) {
	s := serve(t, shell(`cat`))
	for asked, want := range map[int]int64{1: 16 << 10, 100_000: 100_000, 1 << 30: 1 << 20} {
		c := s.open(fmt.Sprintf(`{"type":"hello","cols":80,"rows":24,"window":%d}`, asked))
		require.Equal(t, want, c.ready.Window)
	}
}

// The child blocks in its write: nothing runs ahead into buffers.
func TestTheCommandWaitsForASlowPage(t *testing.T) {
	count := filepath.Join(t.TempDir(), "count")
	s := serve(t, shell(`i=0; while :; do printf '%01000d\n' $i; i=$((i+1)); echo $i >`+count+`; done`))
	c := s.connect()
	c.noAck = true
	c.send(`{"type":"hello","cols":80,"rows":24}`)
	c.until("a window", func() bool { return c.offset > 120<<10 })
	c.quiet(50 * time.Millisecond)
	lines := func() int {
		b, err := os.ReadFile(count)
		require.NoError(t, err)
		var n int
		_, _ = fmt.Sscan(string(b), &n)
		return n
	}
	before := lines()
	c.quiet(100 * time.Millisecond)
	require.Equal(t, before, lines(), "the command runs on")
	require.Less(t, before, 300, "it ran ahead by more than the window and the kernel's buffers")
}

func TestBlockedTimeIsCounted(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := serve(t, shell(`yes`), func(c *terminal.Config) { c.Registerer = reg })
	c := s.connect()
	c.noAck = true
	c.send(`{"type":"hello","cols":80,"rows":24}`)
	c.until("a window", func() bool { return c.offset > 120<<10 })
	c.quiet(50 * time.Millisecond)
	c.sendJSON(map[string]any{"type": "ack", "offset": c.offset})
	c.until("more", func() bool { return c.offset > 140<<10 })
	n, err := testutil.GatherAndCount(reg, "pruvon_terminal_window_blocked_seconds_total")
	require.NoError(t, err)
	require.Equal(t, 1, n)
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "pruvon_terminal_window_blocked_seconds_total" {
			require.Greater(t, f.GetMetric()[0].GetCounter().GetValue(), 0.04)
		}
	}
}

// A paste of ten mebibytes into a program that echoes them back, to a page
// that draws nothing until all of it has been sent, must not dead-lock: the
// client sends under its credit and the server reads on.
func TestLargePasteWhileTheOutputWindowIsFull(t *testing.T) {
	const size = 10 << 20
	s := serve(t, shell(`stty raw -echo; echo ready; exec cat`))
	p := dialPage(t, s.url(), `{"type":"hello","cols":80,"rows":24}`)
	defer p.Close()
	p.waitFor(t, "ready")
	p.every = 1 << 62 // draws nothing
	var accepted, sent, echoed int64
	sum, wrong := byte(0), false
	chunk := make([]byte, 16<<10)
	stalled := false
	for echoed < size {
		for sent < size && sent-accepted+int64(len(chunk)) <= 256<<10 {
			for i := range chunk {
				chunk[i] = byte((sent + int64(i)) * 7)
			}
			p.frame(2, chunk)
			sent += int64(len(chunk))
		}
		if sent-accepted > 240<<10 && !stalled {
			// The credit is used up and the window is full: now draw.
			stalled = true
			p.every = 32 << 10
			p.ack()
		}
		_, text, err := p.next(func(b []byte) {
			for _, c := range b {
				wrong = wrong || c != byte(echoed*7) && echoed >= 0
				echoed++
				sum ^= c
			}
		})
		require.NoError(t, err)
		if text != nil {
			var m message
			require.NoError(t, json.Unmarshal(text, &m))
			if m.Type == "input" {
				accepted = m.Offset
			}
		}
	}
	require.True(t, stalled)
	require.False(t, wrong, "the echo differs")
}

func TestInputBeyondTheCreditIsRefused(t *testing.T) {
	s := serve(t, shell(`stty raw -echo; echo ready; sleep 1000`))
	c := s.open("")
	c.shows("ready")
	chunk := strings.Repeat("x", 16<<10)
	// The kernel takes some, the queue 256 KiB, the credit as much again.
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for range 40 {
		if c.ws.Write(ctx, websocket.MessageBinary, []byte(chunk)) != nil {
			break
		}
	}
	ce := c.ended()
	require.Equal(t, websocket.StatusPolicyViolation, ce.Code)
	require.Contains(t, ce.Reason, "credit")
}

func TestInputIsConfirmedSoonAndInTotal(t *testing.T) {
	s := serve(t, shell(`stty raw -echo; echo ready; exec cat`))
	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"a"}`)
	c.shows("ready")
	c.typed("abc")
	c.until("input", func() bool { return c.input == 3 })
	c.typed("de")
	c.until("input", func() bool { return c.input == 5 })
}

// Control messages are answered while the program takes no input at all.
func TestAStuckProgramDoesNotStopTheConnection(t *testing.T) {
	s := serve(t, shell(`stty raw -echo; echo ready; sleep 1000`))
	c := s.open("")
	c.shows("ready")
	for range 10 {
		c.typed(strings.Repeat("x", 16<<10))
	}
	c.send(`{"type":"ping","t":42}`)
	c.until("pong", func() bool { m := c.has("pong"); return m != nil && m.T == 42 })
}

func TestLargePasteIntoARawProgramArrivesWhole(t *testing.T) {
	const size = 10 << 20
	s := serve(t, terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
		return exec.Command("/bin/sh", "-c", fmt.Sprintf(`stty raw -echo; echo ready; head -c %d | cksum; sleep 1000`, size)), nil
	}})
	p := dialPage(t, s.url(), `{"type":"hello","cols":80,"rows":24}`)
	defer p.Close()
	p.waitFor(t, "ready")
	var accepted, sent int64
	var out []byte
	chunk := []byte(strings.Repeat("paste me ", 2000)[:16<<10])
	for !strings.Contains(string(out), "\n") {
		for sent < size && sent-accepted+int64(len(chunk)) <= 256<<10 {
			p.frame(2, chunk)
			sent += int64(len(chunk))
		}
		_, text, err := p.next(func(b []byte) { out = append(out, b...) })
		require.NoError(t, err)
		var m message
		if text != nil && json.Unmarshal(text, &m) == nil && m.Type == "input" {
			accepted = m.Offset
		}
	}
	ref := exec.Command("/bin/sh", "-c", "cksum")
	ref.Stdin = strings.NewReader(strings.Repeat(string(chunk), size/len(chunk)))
	want, err := ref.Output()
	require.NoError(t, err)
	require.Equal(t, strings.Fields(string(want)), strings.Fields(string(out)))
}

// A byte that nobody has asked for shows at once: nothing but the byte itself
// wakes the sender, which has fallen asleep after the one before.
func TestASingleByteShows(t *testing.T) {
	s := serve(t, shell(`printf 1; sleep 0.3; printf 2; sleep 0.3; printf 3; sleep 1000`))
	c := s.open("")
	c.shows("123")
}
