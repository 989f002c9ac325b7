// Package wsclient is a WebSocket client that costs next to nothing, so that on a small machine it is
// the server which is measured: frames are read into one buffer and handed out in place.
package wsclient

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strconv"
)

// frameMax is the longest frame that is read.
const frameMax = 16 << 20

// Conn is a client's end. Its methods must not be called concurrently, but for one reader and one
// writer.
type Conn struct {
	net.Conn

	buf  []byte // buf[from:to] has been read and not handed out
	from int
	to   int
	out  []byte
}

// Options say how to dial.
type Options struct {
	// Protocol is the subprotocol. Empty asks for none.
	Protocol string
	// Host is the Host header. Empty is the address.
	Host string
	// Header are further header lines, each with its CRLF.
	Header string
	// TLS encrypts the connection if it is not nil.
	TLS *tls.Config
	// Buffer is how many bytes are read at once. 0 = 256 KiB.
	Buffer int
}

// Dial connects to addr and makes the handshake for a path.
func Dial(ctx context.Context, addr, path string, o Options) (*Conn, error) {
	var d net.Dialer
	nc, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if o.TLS != nil {
		nc = tls.Client(nc, o.TLS)
	}
	if o.Buffer == 0 {
		o.Buffer = 256 << 10
	}
	if o.Host == "" {
		o.Host = addr
	}
	c := &Conn{Conn: nc, buf: make([]byte, o.Buffer)}
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	defer stop()
	if err := c.handshake(path, o); err != nil {
		_ = nc.Close()
		return nil, fmt.Errorf("handshake with %s%s: %w", addr, path, err)
	}
	return c, nil
}

func (c *Conn) handshake(path string, o Options) error {
	if o.Protocol != "" {
		o.Header += "Sec-WebSocket-Protocol: " + o.Protocol + "\r\n"
	}
	_, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n", path, o.Host, o.Header)
	if err != nil {
		return err
	}
	for {
		if i := bytes.Index(c.buf[:c.to], []byte("\r\n\r\n")); i >= 0 {
			c.from = i + 4
			break
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
	status, _, _ := bytes.Cut(c.buf[:c.from], []byte("\r\n"))
	if len(status) < 12 || string(status[9:12]) != strconv.Itoa(101) {
		return fmt.Errorf("%s: %s", status, bytes.TrimSpace(c.buf[c.from:c.to]))
	}
	return nil
}

// Next reads the next frame; a message in several frames comes as several. payload is valid until the
// next call.
func (c *Conn) Next() (op byte, payload []byte, err error) {
	for {
		op, size, length, err := header(c.buf[c.from:c.to])
		if err != nil {
			return 0, nil, err
		}
		if size > 0 && c.to-c.from >= size+length {
			start := c.from + size
			c.from = start + length
			return op, c.buf[start:c.from:c.from], nil
		}
		if length < 0 || length > frameMax {
			return 0, nil, fmt.Errorf("a frame of %d bytes", length)
		}
		c.makeRoom(size + length)
		if err := c.fill(); err != nil {
			return 0, nil, err
		}
	}
}

// Buffered says whether a read would not wait, as far as the next frame's first byte is concerned.
func (c *Conn) Buffered() bool { return c.to > c.from }

// makeRoom moves what is left to the front of a buffer that holds n bytes.
func (c *Conn) makeRoom(n int) {
	if c.from+n <= len(c.buf) && c.to < len(c.buf) {
		if c.from == c.to {
			c.from, c.to = 0, 0
		}
		return
	}
	b := c.buf
	if n > len(b) {
		b = make([]byte, n)
	}
	c.to = copy(b, c.buf[c.from:c.to])
	c.buf, c.from = b, 0
}

func (c *Conn) fill() error {
	if c.to == len(c.buf) {
		return io.ErrShortBuffer
	}
	n, err := c.Read(c.buf[c.to:])
	c.to += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// Send writes one frame.
func (c *Conn) Send(op byte, payload []byte) error {
	c.out = appendFrame(c.out[:0], op, payload)
	_, err := c.Write(c.out)
	return err
}
