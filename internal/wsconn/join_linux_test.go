package wsconn_test

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/internal/wsconn"
)

// segmentsIn is how many segments with data a connection has received.
func segmentsIn(t *testing.T, nc net.Conn) uint32 {
	t.Helper()
	raw, err := nc.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	var info *unix.TCPInfo
	require.NoError(t, raw.Control(func(fd uintptr) {
		info, err = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
	}))
	require.NoError(t, err)
	return info.Data_segs_in
}

// A frame that is written in two pieces wakes the peer twice.
func TestAFrameIsOneSegment(t *testing.T) {
	sizes := []int{0, 1, 13, 14, 15, 125, 126, 500, 4 << 10, 32 << 10}
	next := make(chan int)
	url, done := serve(t, opts, func(c *wsconn.Conn) {
		for n := range next {
			if c.Write(wsconn.Text, []byte(strings.Repeat("x", n))) != nil {
				return
			}
		}
	})
	nc, br := rawDial(t, url)
	for _, n := range sizes {
		before := segmentsIn(t, nc)
		next <- n
		header := 2
		if n > 125 {
			header = 4
		}
		frame := make([]byte, header+n)
		_, err := io.ReadFull(br, frame)
		require.NoError(t, err)
		assert.Equal(t, byte(0x81), frame[0])
		assert.Equal(t, strings.Repeat("x", n), string(frame[header:]))
		assert.Equal(t, uint32(1), segmentsIn(t, nc)-before, "%d bytes", n)
	}
	close(next)
	_ = nc.Close()
	wait(t, done)
}
