package wsconn_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/wsconn"
)

const key = "dGhlIHNhbXBsZSBub25jZQ=="

// serve runs handle for each accepted connection and reports when it has
// returned and nothing of the connection is left.
func serve(t *testing.T, o wsconn.Options, handle func(*wsconn.Conn)) (url string, done <-chan struct{}) {
	t.Helper()
	ch := make(chan struct{}, 16)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := wsconn.CheckRequest(w, r, o); p != nil {
			p.Write(w, r)
			return
		}
		c, err := wsconn.Accept(w, r, o)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		handle(c)
		c.Wait()
		ch <- struct{}{}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, ch
}

func dial(t *testing.T, url string, protocols ...string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{Subprotocols: protocols})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.CloseNow() })
	return c
}

// echo answers each message until the connection is gone.
func echo(c *wsconn.Conn) {
	for {
		typ, data, err := c.Read()
		if err != nil {
			return
		}
		if c.Write(typ, data) != nil {
			return
		}
	}
}

func wait(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the handler has not returned")
	}
}

var opts = wsconn.Options{Subprotocols: []string{"a.v1"}, AllowNone: true}

func TestEchoOfAllSizes(t *testing.T) {
	url, done := serve(t, opts, echo)
	c := dial(t, url, "a.v1")
	c.SetReadLimit(-1)
	assert.Equal(t, "a.v1", c.Subprotocol())
	for _, n := range []int{0, 1, 511, 512, 513, 16 << 10, 64 << 10, 3} {
		msg := strings.Repeat("x", n)
		require.NoError(t, c.Write(context.Background(), websocket.MessageText, []byte(msg)))
		_, got, err := c.Read(context.Background())
		require.NoError(t, err)
		assert.Equal(t, msg, string(got))
	}
	require.NoError(t, c.Close(websocket.StatusNormalClosure, ""))
	wait(t, done)
}

func TestCloseCodes(t *testing.T) {
	tests := []struct {
		name string
		send func(*websocket.Conn) error
		want websocket.StatusCode
	}{
		{"text that is not UTF-8", func(c *websocket.Conn) error {
			return c.Write(context.Background(), websocket.MessageText, []byte{0xff, 0xfe})
		}, 1007},
		{"one byte over the limit", func(c *websocket.Conn) error {
			return c.Write(context.Background(), websocket.MessageBinary, make([]byte, 64<<10+1))
		}, 1009},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, done := serve(t, opts, echo)
			c := dial(t, url)
			_ = tt.send(c)
			_, _, err := c.Read(context.Background())
			assert.Equal(t, tt.want, websocket.CloseStatus(err))
			wait(t, done)
		})
	}
}

func TestServerCloseCarriesCodeAndCutReason(t *testing.T) {
	url, done := serve(t, opts, func(c *wsconn.Conn) {
		c.Close(wsconn.CodeGoingAway, strings.Repeat("é", 200))
		c.Close(wsconn.CodeFault, "the first call counts")
		_, _, _ = c.Read()
	})
	c := dial(t, url)
	_, _, err := c.Read(context.Background())
	var ce websocket.CloseError
	require.ErrorAs(t, err, &ce)
	assert.Equal(t, websocket.StatusGoingAway, ce.Code)
	assert.Equal(t, strings.Repeat("é", 61), ce.Reason)
	wait(t, done)
}

// rawDial makes the handshake by hand, for frames that no client would send.
func rawDial(t *testing.T, url string) (net.Conn, *bufio.Reader) {
	t.Helper()
	addr := strings.TrimPrefix(url, "http://")
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", addr, key)
	br := bufio.NewReader(nc)
	res, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	require.Equal(t, 101, res.StatusCode)
	return nc, br
}

// frame is one masked frame with a zero key.
func frame(first byte, payload string) []byte {
	return append([]byte{first, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// closeCode reads frames until the close frame and returns its code.
func closeCode(t *testing.T, br *bufio.Reader) uint16 {
	t.Helper()
	for {
		var h [2]byte
		if _, err := io.ReadFull(br, h[:]); err != nil {
			t.Fatalf("no close frame: %v", err)
		}
		n := int(h[1] & 0x7f)
		if n > 125 {
			t.Fatalf("unexpected long frame %x", h)
		}
		body := make([]byte, n)
		_, err := io.ReadFull(br, body)
		require.NoError(t, err)
		if h[0]&0x0f == 8 {
			require.GreaterOrEqual(t, n, 2)
			return binary.BigEndian.Uint16(body)
		}
	}
}

// flood writes until the peer stops it.
func flood(nc net.Conn, f []byte) {
	batch := make([]byte, 0, 60_000)
	for len(batch)+len(f) < cap(batch) {
		batch = append(batch, f...)
	}
	for range 1000 {
		if _, err := nc.Write(batch); err != nil {
			return
		}
	}
}

func TestFloodsEndIn1008(t *testing.T) {
	tests := []struct {
		name         string
		first, flood []byte
	}{
		{"empty continuation frames", frame(0x01, "x"), frame(0x00, "")},
		{"empty messages", nil, frame(0x82, "")},
		{"pings", nil, frame(0x89, "")},
		{"pongs", nil, frame(0x8a, "x")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url, done := serve(t, opts, echo)
			nc, br := rawDial(t, url)
			_, err := nc.Write(tt.first)
			require.NoError(t, err)
			stopped := make(chan struct{})
			go func() { defer close(stopped); flood(nc, tt.flood) }()
			assert.Equal(t, uint16(1008), closeCode(t, br))
			wait(t, done)
			<-stopped
		})
	}
}

func TestPeerThatNeverPongsIsDropped(t *testing.T) {
	o := opts
	o.PingEvery, o.PongTimeout = 20*time.Millisecond, 50*time.Millisecond
	url, done := serve(t, o, echo)
	rawDial(t, url) // reads nothing, answers nothing
	wait(t, done)
}

func TestPingsMeasureTheRoundTrip(t *testing.T) {
	o := opts
	o.PingEvery = 5 * time.Millisecond
	rtt := make(chan time.Duration)
	url, done := serve(t, o, func(c *wsconn.Conn) {
		go echo(c)
		assert.Eventually(t, func() bool { return c.RTT() > 0 }, 20*time.Second, time.Millisecond)
		rtt <- c.RTT()
		<-c.Context().Done()
	})
	c := dial(t, url)
	ctx := c.CloseRead(context.Background())
	assert.Positive(t, <-rtt)
	require.NoError(t, ctx.Err())
	_ = c.Close(websocket.StatusNormalClosure, "")
	wait(t, done)
}

func TestStalledPeerIsCutByTheWriteDeadline(t *testing.T) {
	o := opts
	o.WriteTimeout, o.PingEvery, o.SendBuffer = 50*time.Millisecond, -1, 8<<10
	result := make(chan error, 1)
	url, done := serve(t, o, func(c *wsconn.Conn) {
		var err error
		for err == nil {
			err = c.Write(wsconn.Binary, make([]byte, 64<<10))
		}
		result <- err
	})
	rawDial(t, url)
	assert.Error(t, <-result)
	wait(t, done)
}

func TestWriteDoesNotAllocate(t *testing.T) {
	allocs := make(chan float64, 1)
	url, done := serve(t, opts, func(c *wsconn.Conn) {
		msg := make([]byte, 32<<10)
		allocs <- testing.AllocsPerRun(100, func() { _ = c.Write(wsconn.Binary, msg) })
	})
	c := dial(t, url)
	c.SetReadLimit(-1)
	for {
		if _, _, err := c.Read(context.Background()); err != nil {
			var ce websocket.CloseError
			assert.True(t, errors.As(err, &ce), err)
			break
		}
	}
	assert.Less(t, <-allocs, 1.0)
	wait(t, done)
}
