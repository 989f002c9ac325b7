package wsclient

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// echoServer sends back what it gets, and closes after "bye".
func echoServer(t *testing.T) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/echo" {
			http.Error(w, "no echo here", http.StatusNotFound)
			return
		}
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"p"}})
		if err != nil {
			return
		}
		defer ws.CloseNow()
		ws.SetReadLimit(-1)
		for {
			typ, b, err := ws.Read(context.Background())
			if err != nil {
				return
			}
			if string(b) == "bye" {
				_ = ws.Close(websocket.StatusNormalClosure, "")
				return
			}
			if ws.Write(context.Background(), typ, b) != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestEveryLengthComesBack(t *testing.T) {
	c, err := Dial(t.Context(), echoServer(t), "/echo", Options{Protocol: "p", Buffer: 1 << 10})
	require.NoError(t, err)
	defer c.Close()
	for _, n := range []int{0, 1, 125, 126, 127, 1000, 1 << 10, 65535, 65536, 1 << 20, 3} {
		want := bytes.Repeat([]byte("x"), n)
		require.NoError(t, c.Send(OpBinary, want))
		var got []byte
		for more := true; more; more = len(got) < n {
			op, b, err := c.Next()
			require.NoError(t, err)
			require.LessOrEqual(t, op, byte(OpBinary))
			got = append(got, b...)
		}
		require.Equal(t, want, append([]byte{}, got...), "%d bytes", n)
	}
	require.NoError(t, c.Send(OpText, []byte("bye")))
	op, _, err := c.Next()
	require.NoError(t, err)
	require.EqualValues(t, OpClose, op)
}

func TestARefusalIsAnError(t *testing.T) {
	_, err := Dial(t.Context(), echoServer(t), "/elsewhere", Options{})
	require.ErrorContains(t, err, "404")
	require.ErrorContains(t, err, "no echo here")
}

// Frames are handed out right wherever the reads cut them.
func TestFramesCutAnywhere(t *testing.T) {
	var stream []byte
	var want []string
	for i := range 200 {
		p := strings.Repeat(string(rune('a'+i%26)), i*3)
		want = append(want, p)
		f := appendFrame(nil, OpBinary, []byte(p))
		// A server's frame has no mask.
		head := len(f) - len(p) - 4
		f[1] &^= 0x80
		stream = append(append(stream, f[:head]...), p...)
	}
	for step := 1; step < 700; step += 13 {
		client, server := net.Pipe()
		go func() {
			for b := stream; len(b) > 0; {
				n, err := server.Write(b[:min(step, len(b))])
				if err != nil {
					return
				}
				b = b[n:]
			}
			_ = server.Close()
		}()
		c := &Conn{Conn: client, buf: make([]byte, 64)}
		for i, w := range want {
			_, b, err := c.Next()
			require.NoError(t, err)
			require.Equal(t, w, string(b), "frame %d of reads of %d", i, step)
		}
		_, _, err := c.Next()
		require.Error(t, err)
		_ = client.Close()
	}
}

func TestMaskedFramesAreRefused(t *testing.T) {
	client, server := net.Pipe()
	go func() { _, _ = server.Write(appendFrame(nil, OpText, []byte("x"))) }()
	c := &Conn{Conn: client, buf: make([]byte, 64)}
	_, _, err := c.Next()
	require.ErrorIs(t, err, errMasked)
	_ = client.Close()
	_ = server.Close()
}
