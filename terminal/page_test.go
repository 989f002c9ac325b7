package terminal_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// quarter of the default window is what a page draws between two acks.
const quarter = 32 << 10

// pageConn is a browser's end written for speed: it reads frames from a
// buffered connection and acknowledges every quarter of the window.
type pageConn struct {
	net.Conn
	r      *bufio.Reader
	offset int64
	told   int64
	every  int64
	frames int
	out    []byte // the frame being built
}

func dialPage(b testing.TB, url string, hello string) *pageConn {
	addr := strings.TrimPrefix(url, "ws://")
	host, path, _ := strings.Cut(addr, "/")
	conn, err := net.Dial("tcp", host)
	require.NoError(b, err)
	fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		path, host, terminal.Subprotocol)
	p := &pageConn{Conn: conn, r: bufio.NewReaderSize(conn, 256<<10), every: quarter}
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		_ = conn.Close()
		return nil // cut off on the way
	}
	require.Equal(b, 101, resp.StatusCode)
	p.text(hello)
	return p
}

// frame writes one client frame under a zero mask.
func (p *pageConn) frame(op byte, data []byte) {
	p.out = append(p.out[:0], 0x80|op)
	if len(data) < 126 {
		p.out = append(p.out, 0x80|byte(len(data)))
	} else {
		p.out = binary.BigEndian.AppendUint16(append(p.out, 0x80|126), uint16(len(data)))
	}
	p.out = append(p.out, 0, 0, 0, 0)
	p.out = append(p.out, data...)
	_, _ = p.Write(p.out)
}

func (p *pageConn) text(s string)  { p.frame(1, []byte(s)) }
func (p *pageConn) typed(s string) { p.frame(2, []byte(s)) }

func (p *pageConn) ack() {
	p.told = p.offset
	p.ackAt(p.offset)
}

func (p *pageConn) ackAt(off int64) {
	var b [64]byte
	p.frame(1, append(strconv.AppendInt(append(b[:0], `{"type":"ack","offset":`...), off, 10), '}'))
}

// next reads a frame. Binary payloads go to sink if there is one.
func (p *pageConn) next(sink func([]byte)) (op byte, text []byte, err error) {
	head, err := p.r.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	op = head[0] & 15
	n := int(head[1] & 127)
	_, _ = p.r.Discard(2)
	if n == 126 {
		h, err := p.r.Peek(2)
		if err != nil {
			return 0, nil, err
		}
		n = int(binary.BigEndian.Uint16(h))
		_, _ = p.r.Discard(2)
	} else if n == 127 {
		h, err := p.r.Peek(8)
		if err != nil {
			return 0, nil, err
		}
		n = int(binary.BigEndian.Uint64(h))
		_, _ = p.r.Discard(8)
	}
	data, err := p.r.Peek(n)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _, _ = p.r.Discard(n) }()
	if op == 2 {
		p.frames++
		p.offset += int64(n)
		if sink != nil {
			sink(data)
		}
		if p.offset-p.told >= p.every {
			p.ack()
		}
		return op, nil, nil
	}
	return op, append([]byte(nil), data...), nil
}

// drain reads to the end of the session.
func (p *pageConn) drain(b testing.TB) {
	for {
		op, _, err := p.next(nil)
		if err != nil || op == 8 {
			return
		}
	}
}
