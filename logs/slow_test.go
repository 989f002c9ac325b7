package logs_test

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// itoa is for texts.
func itoa(n int) string { return fmt.Sprint(n) }

// A viewer that reads nothing falls out of the ring: it is told exactly what it
// missed, and can fetch it. The other viewer notices nothing.
func TestSlowViewerGetsAGapThatCanBeFetched(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, Ring: -1, WriteTimeout: -1})
	slow, fast := s.dialSmall("tail=0"), s.dial("tail=0")
	slow.until("hello")
	fast.until("hello")
	const n = 10_000 // 10 MB: more than the kernel's buffers and the ring hold
	const step = 100
	for i := 0; i < n; i += step {
		var b strings.Builder
		for j := range step {
			fmt.Fprintf(&b, "line %d %s\n", i+j, strings.Repeat("x", 1000))
		}
		l.raw(b.String())
		require.Equal(t, step, fast.count(step), "the fast viewer misses nothing")
	}
	next := 0
	for next < n {
		m := slow.read()
		switch m.Type {
		case "lines":
			e := m.entries(t)
			require.True(t, strings.HasPrefix(e[0].M, fmt.Sprintf("line %d ", next)), "%.20s instead of %d", e[0].M, next)
			next += len(e)
		case "gap":
			require.Equal(t, "slow", m.Why)
			missed := int(m.lost(t))
			require.Positive(t, missed)
			got := strings.Split(strings.TrimSuffix(s.text("follow=0&cursor="+m.From+"&to="+m.To), "\n"), "\n")
			require.Len(t, got, missed)
			require.True(t, strings.HasPrefix(got[0], fmt.Sprintf("line %d ", next)))
			bytes := 0
			for _, g := range got {
				bytes += len(g)
			}
			require.EqualValues(t, bytes, *m.Bytes)
			next += missed
		}
	}
}

// count reads until n lines have come, in numbers, and returns how many did; a
// gap is counted against it.
func (c *client) count(n int) int {
	c.t.Helper()
	got := 0
	for got < n {
		m := c.read()
		switch m.Type {
		case "lines":
			got += len(m.entries(c.t))
		case "gap":
			return got
		}
	}
	return got
}

func TestViewerThatNeverReadsIsCut(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	reg := prometheus.NewRegistry()
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path)}, WriteTimeout: time.Second, Registerer: reg,
		Ring: 64 << 20, // nothing is skipped
	})
	conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(64<<10))
	_, err = fmt.Fprintf(conn, "GET /logs/app HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", s.http.Listener.Addr())
	require.NoError(t, err)
	fast := s.dial("tail=0")
	fast.until("hello")
	block := strings.Repeat(strings.Repeat("x", 1000)+"\n", 1000)
	for range 8 {
		l.raw(block)
		require.Equal(t, 1000, fast.count(1000))
	}
	eventually(t, func() bool { return value(t, reg, "pruvon_logs_viewers_dropped_total{reason=slow}") == 1 })
	require.EqualValues(t, 1, value(t, reg, "pruvon_logs_viewers{log=app}"), "only the one that reads is left")
	// What the kernel had taken can be read, then it ends.
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	_, err = io.Copy(io.Discard, conn)
	require.False(t, os.IsTimeout(err), "still open")
}
