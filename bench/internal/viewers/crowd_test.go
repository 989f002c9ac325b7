package viewers_test

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pruvon/pruvon/bench/internal/lines"
	"github.com/pruvon/pruvon/bench/internal/viewers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// listen serves each connection with f until the test ends.
func listen(t *testing.T, f func(net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				f(c)
			}()
		}
	}()
	return l.Addr().String()
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); lines.Pause(time.Millisecond) {
		require.True(t, time.Now().Before(end), what)
	}
}

func TestCrowdGetsEverythingAndAFewAreWatched(t *testing.T) {
	addr := listen(t, func(c net.Conn) { _ = new(lines.Writer).Fill(c, 5000) })
	c, err := viewers.Open(addr, viewers.Protocol{}, 13)
	require.NoError(t, err)
	eventually(t, "all lines come", func() bool { return c.Tally.Count() == 13*5000 })
	require.Equal(t, 13, c.Tally.Present())
	c.Close()
	judges := c.Tally.Judges()
	require.GreaterOrEqual(t, len(judges), 4)
	require.Less(t, len(judges), 13)
	for _, j := range judges {
		require.Zero(t, j.Missing(0, 5000))
		require.Zero(t, j.Doubled(0, 5000))
	}
}

func TestAPausedCrowdCountsNothing(t *testing.T) {
	send := make(chan int)
	addr := listen(t, func(c net.Conn) {
		var w lines.Writer
		for n := range send {
			_ = w.Write(c, n)
		}
	})
	c, err := viewers.Open(addr, viewers.Protocol{}, 1)
	require.NoError(t, err)
	send <- 1
	eventually(t, "the first line comes", func() bool { return c.Tally.Count() == 1 })
	c.Pause()
	send <- 10
	send <- 10 // the first ten have been written
	require.EqualValues(t, 1, c.Tally.Count())
	c.Resume()
	eventually(t, "the others come", func() bool { return c.Tally.Count() == 21 })
	close(send)
	c.Close()
}

// The handshake takes nothing that comes behind it.
func TestHandshake(t *testing.T) {
	asked := make(chan string, 1)
	addr := listen(t, func(c net.Conn) {
		b := make([]byte, 4096)
		n, _ := c.Read(b)
		asked <- string(b[:n])
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nframes")
	})
	c, err := viewers.Dial(addr, viewers.Protocol{Path: "/?tail=0", Subprotocol: "pruvon.logs.v1"})
	require.NoError(t, err)
	defer c.Close()
	rest, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "frames", string(rest))
	request := <-asked
	require.True(t, strings.HasPrefix(request, "GET /?tail=0 HTTP/1.1\r\n"), request)
	require.Contains(t, request, "\r\nSec-WebSocket-Protocol: pruvon.logs.v1\r\n")
}

func TestARefusalIsAnError(t *testing.T) {
	for _, answer := range []string{"HTTP/1.1 403 Forbidden\r\n\r\n", "HTTP/1.1 101 Swit"} {
		addr := listen(t, func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, answer)
		})
		_, err := viewers.Open(addr, viewers.Protocol{Path: "/"}, 3)
		require.ErrorContains(t, err, "viewer 0: handshake")
	}
}
