package terminal_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// Opcodes and bits of a frame (RFC 6455, section 5.2).
const (
	fin    = 0x80
	opCont = 0x0
	opText = 0x1
	opBin  = 0x2
	opEnd  = 0x8
	opPing = 0x9
	opPong = 0xa
)

// rawConn is a WebSocket whose frames are written by hand, wrong ones too.
type rawConn struct {
	t  *testing.T
	nc *net.TCPConn
	br *bufio.Reader
}

// rawDial makes the handshake as a user.
func (s *server) rawDial(t *testing.T, user string) *rawConn {
	t.Helper()
	addr := strings.TrimPrefix(s.http.URL, "http://")
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = nc.Close() })
	require.NoError(t, nc.SetDeadline(time.Now().Add(patience)))
	_, err = fmt.Fprintf(nc, "GET /terminals/t HTTP/1.1\r\nHost: %s\r\nX-Test-User: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		addr, user, terminal.Subprotocol)
	require.NoError(t, err)
	br := bufio.NewReader(nc)
	res, err := http.ReadResponse(br, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, res.StatusCode)
	return &rawConn{t: t, nc: nc.(*net.TCPConn), br: br}
}

// frame is one masked frame; its mask of zeros leaves the payload readable.
func frame(b0 byte, payload string) []byte { return frameOf(b0, int64(len(payload)), payload) }

// frameOf claims another length than the payload has.
func frameOf(b0 byte, length int64, payload string) []byte {
	b := []byte{b0}
	switch {
	case length >= 0 && length < 126:
		b = append(b, 0x80|byte(length))
	case length >= 0 && length < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(length))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(length))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// write sends bytes. The server may have closed already; that it did is seen
// by reading.
func (r *rawConn) write(b []byte) bool {
	_, err := r.nc.Write(b)
	return err == nil
}

func (r *rawConn) text(s string)   { r.write(frame(fin|opText, s)) }
func (r *rawConn) binary(s string) { r.write(frame(fin|opBin, s)) }

// next reads one frame of the server.
func (r *rawConn) next() (op byte, payload []byte, err error) {
	var h [2]byte
	if _, err := io.ReadFull(r.br, h[:]); err != nil {
		return 0, nil, err
	}
	n := int64(h[1] & 0x7f)
	switch n {
	case 126:
		var b [2]byte
		if _, err := io.ReadFull(r.br, b[:]); err != nil {
			return 0, nil, err
		}
		n = int64(binary.BigEndian.Uint16(b[:]))
	case 127:
		var b [8]byte
		if _, err := io.ReadFull(r.br, b[:]); err != nil {
			return 0, nil, err
		}
		n = int64(binary.BigEndian.Uint64(b[:]))
	}
	require.Zero(r.t, h[1]&0x80, "a server does not mask")
	require.LessOrEqual(r.t, n, int64(64<<10), "messages of the server are at most 64 KiB")
	payload = make([]byte, n)
	_, err = io.ReadFull(r.br, payload)
	return h[0] & 0xf, payload, err
}

// shows reads output until it contains text.
func (r *rawConn) shows(text string) {
	r.t.Helper()
	var out []byte
	for !strings.Contains(string(out), text) {
		op, p, err := r.next()
		require.NoError(r.t, err, "waiting for %q", text)
		require.NotEqual(r.t, byte(opEnd), op, "%q", p)
		if op == opBin {
			out = append(out, p...)
		}
	}
}

// closed reads to the close frame. Without one the code is 1006, as in a
// browser.
func (r *rawConn) closed() (code int, reason string) {
	r.t.Helper()
	for {
		op, p, err := r.next()
		var ne net.Error
		if ok := asNetError(err, &ne); ok && ne.Timeout() {
			require.Fail(r.t, "the connection stays open")
		}
		if err != nil {
			return 1006, err.Error()
		}
		if op == opEnd {
			if len(p) < 2 {
				return 1005, ""
			}
			return int(binary.BigEndian.Uint16(p)), string(p[2:])
		}
	}
}
