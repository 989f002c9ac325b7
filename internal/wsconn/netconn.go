package wsconn

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

var noDeadline time.Time

// hijacker hands the WebSocket library a connection that keeps our deadlines
// and counts what comes in.
type hijacker struct {
	http.ResponseWriter
	conn *Conn
	net  *netConn
}

// Unwrap lets http.ResponseController through.
func (h *hijacker) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// WriteHeaderNow sends the 101 of writers that only note a status and write it
// with the body, as gin's does: after Hijack they would never write it.
func (h *hijacker) WriteHeaderNow() {
	for w := h.ResponseWriter; w != nil; {
		if lazy, ok := w.(interface{ WriteHeaderNow() }); ok {
			lazy.WriteHeaderNow()
			return
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = u.Unwrap()
	}
}

// Hijack takes the connection over (see [http.Hijacker]).
func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	nc, brw, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if h.conn.opts.SendBuffer > 0 {
		if b, ok := nc.(interface{ SetWriteBuffer(int) error }); ok {
			_ = b.SetWriteBuffer(h.conn.opts.SendBuffer)
		}
	}
	h.net = &netConn{Conn: nc, owner: h.conn, began: time.Now(), allowance: floodAllowance + max(h.conn.opts.ReadLimit, 0)}
	// net/http clears its deadlines on Hijack, and its writer leads to the
	// bare connection. Ours is smaller, since each idle connection keeps one.
	size := writeBuffer
	if vectored(nc) {
		h.net.joins, size = true, joinBuffer
	}
	return h.net, bufio.NewReadWriter(brw.Reader, bufio.NewWriterSize(h.net, size)), nil
}

const writeBuffer = 512

const (
	// floodAllowance is how many bytes beside finished messages a peer may
	// send ahead: frame headers, control frames, the message under way.
	// An empty continuation frame is legal and costs six bytes, so without
	// a cap a peer could keep a core busy and never finish a message.
	floodAllowance = 128 << 10
	// floodRefill is how fast that allowance comes back, in bytes a second.
	floodRefill = 1 << 10
)

// netConn gives each write a fresh deadline and ends a flood of bytes that
// never become a message.
type netConn struct {
	net.Conn
	owner     *Conn
	began     time.Time
	allowance int64

	joins bool   // frames are joined before they are written
	join  joiner // under the library's lock for writing a frame

	// The reader and, once it has stopped, the closing handshake read.
	mu       sync.Mutex
	spent    int64
	refilled time.Time
	flooded  bool

	read atomic.Int64 // nanoseconds from began to the last byte in
}

// lastRead keeps began's monotonic reading: the wall clock may be set between
// a ping and what comes after it.
func (c *netConn) lastRead() time.Time { return c.began.Add(time.Duration(c.read.Load())) }

// Read counts bytes that are not part of finished messages.
func (c *netConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		now := time.Now()
		c.read.Store(int64(now.Sub(c.began)))
		c.spend(int64(n), now)
	}
	return n, err
}

func (c *netConn) spend(n int64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.refilled.IsZero() {
		c.spent = max(0, c.spent-int64(now.Sub(c.refilled).Seconds()*floodRefill))
	}
	c.refilled = now
	c.spent += n
	if c.spent > c.allowance && !c.flooded {
		c.flooded = true
		c.owner.Close(CodePolicy, "too many frames without a message")
		_ = c.Conn.SetReadDeadline(now.Add(time.Second))
	}
}

// Write starts the deadline anew, so that it bounds one write and not the
// connection.
func (c *netConn) Write(p []byte) (int, error) {
	if c.joins && c.join.hold(p) {
		return len(p), nil
	}
	if d := c.owner.opts.WriteTimeout; d > 0 {
		_ = c.Conn.SetWriteDeadline(time.Now().Add(d))
	}
	if c.joins {
		return c.join.write(c.Conn, p)
	}
	return c.Conn.Write(p)
}

// messageDeadline bounds how long a message that has begun may take.
func (c *netConn) messageDeadline(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d > 0 && !c.flooded {
		_ = c.Conn.SetReadDeadline(time.Now().Add(d))
	}
}

// messageDone lifts that bound and takes a finished message of n bytes off the
// account.
func (c *netConn) messageDone(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spent = max(0, c.spent-int64(n)-14)
	if !c.flooded {
		_ = c.Conn.SetReadDeadline(noDeadline)
	}
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }

// cutReason keeps a close reason within the 123 bytes that a control frame
// leaves (RFC 6455 section 5.5), on a rune boundary.
func cutReason(s string) string {
	const most = 123
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
