package terminal_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/terminal"
)

// colouredText writes a file like the output of a test run: lines of about a
// hundred bytes with colours in them.
func colouredText(b testing.TB, size int) string {
	var line strings.Builder
	for i := 0; line.Len() < 64<<10; i++ {
		fmt.Fprintf(&line, "\x1b[3%dm%06d\x1b[0m \x1b[1mok\x1b[22m  package/of/some/module/number_%d\t\x1b[32m0.%03ds\x1b[39m coverage\n", i%8, i, i%97, i%1000)
	}
	name := filepath.Join(b.TempDir(), "text")
	f, err := os.Create(name)
	require.NoError(b, err)
	defer f.Close()
	for n := 0; n < size; n += line.Len() {
		_, err := f.WriteString(line.String())
		require.NoError(b, err)
	}
	return name
}

// pageConn is a browser's end written for speed: it reads frames from a
// buffered connection and acknowledges every quarter of the window.
type pageConn struct {
	net.Conn
	r      *bufio.Reader
	offset int64
	told   int64
	every  int64
	frames int
	closed bool
}

func dialPage(b testing.TB, url string, hello string) *pageConn {
	addr := strings.TrimPrefix(url, "ws://")
	host, path, _ := strings.Cut(addr, "/")
	conn, err := net.Dial("tcp", host)
	require.NoError(b, err)
	fmt.Fprintf(conn, "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n",
		path, host, terminal.Subprotocol)
	p := &pageConn{Conn: conn, r: bufio.NewReaderSize(conn, 256<<10), every: 32 << 10}
	resp, err := http.ReadResponse(p.r, nil)
	require.NoError(b, err)
	require.Equal(b, 101, resp.StatusCode)
	p.text(hello)
	return p
}

// frame writes one client frame under a zero mask.
func (p *pageConn) frame(op byte, data []byte) {
	var head [14]byte
	head[0] = 0x80 | op
	n := 2
	switch {
	case len(data) < 126:
		head[1] = 0x80 | byte(len(data))
	default:
		head[1] = 0x80 | 126
		binary.BigEndian.PutUint16(head[2:], uint16(len(data)))
		n = 4
	}
	_, _ = p.Write(append(head[:n+4], data...))
}

func (p *pageConn) text(s string)  { p.frame(1, []byte(s)) }
func (p *pageConn) typed(s string) { p.frame(2, []byte(s)) }

func (p *pageConn) ack() {
	p.told = p.offset
	p.text(`{"type":"ack","offset":` + strconv.FormatInt(p.offset, 10) + `}`)
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

func cpu() time.Duration {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// floorOutput copies a pty to a bare TCP connection.
func floorOutput(b testing.TB, name string) (int64, time.Duration) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		cmd := exec.Command("cat", name)
		m, err := pty.Start(cmd)
		if err != nil {
			return
		}
		defer m.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := m.Read(buf)
			if n > 0 {
				if _, err := c.Write(buf[:n]); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		_ = cmd.Wait()
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(b, err)
	defer c.Close()
	start := time.Now()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 256<<10))
	require.NoError(b, err)
	return n, time.Since(start)
}

// BenchmarkThroughput compares coloured text through the WebSocket, with acks
// and the default window, with the same pty copied to a bare TCP connection.
// The runs alternate, so that a machine which gets slower gets slower for both.
func BenchmarkThroughput(b *testing.B) {
	const size = 32 << 20
	name := colouredText(b, size)
	s := serve(b, terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
		return exec.Command("cat", name), nil
	}})
	var floor, ours time.Duration
	var bytes, frames int64
	var floorCPU, ourCPU time.Duration
	for b.Loop() {
		c0 := cpu()
		n, d := floorOutput(b, name)
		c1 := cpu()
		floor += d
		p := dialPage(b, s.url(), `{"type":"hello","cols":80,"rows":24}`)
		start := time.Now()
		p.drain(b)
		ours += time.Since(start)
		ourCPU += cpu() - c1
		floorCPU += c1 - c0
		require.Equal(b, n, p.offset, "bytes lost")
		bytes += n
		frames += int64(p.frames)
		p.Close()
	}
	mb := float64(bytes) / 1e6
	b.ReportMetric(mb/ours.Seconds(), "MB/s")
	b.ReportMetric(mb/floor.Seconds(), "floorMB/s")
	b.ReportMetric(floor.Seconds()/ours.Seconds(), "x_floor")
	b.ReportMetric(float64(ourCPU)/float64(floorCPU), "x_floor_cpu")
	b.ReportMetric(float64(bytes)/float64(frames), "B/frame")
	b.ReportMetric(0, "ns/op")
}
