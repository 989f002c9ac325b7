package wsconn

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// MessageType tells text from binary messages.
type MessageType = websocket.MessageType

// The two kinds of data messages.
const (
	Text   = websocket.MessageText
	Binary = websocket.MessageBinary
)

// Close codes (RFC 6455 section 7.4.1, the IANA registry).
const (
	CodeNormal      = 1000
	CodeGoingAway   = 1001
	CodeProtocol    = 1002
	CodeInvalidUTF8 = 1007
	CodePolicy      = 1008
	CodeTooBig      = 1009
	CodeFault       = 1011
	CodeTryLater    = 1013
)

// Options set the limits of a connection. Zero takes the default, negative
// switches a limit off.
type Options struct {
	// Subprotocols spoken, the preferred one first.
	Subprotocols []string
	// AllowNone admits handshakes that ask for no subprotocol.
	AllowNone bool
	// ReadLimit is the largest message in bytes. Default 64 KiB. A larger
	// one ends in 1009.
	ReadLimit int64
	// PingEvery is the time between pings. Default 25 s: below the 60 s
	// after which nginx cuts an idle tunnel.
	PingEvery time.Duration
	// PongTimeout is how long a pong may take. Default 15 s.
	PongTimeout time.Duration
	// WriteTimeout bounds each write. Default 15 s: below nginx's
	// send_timeout of 60 s, so that our reason is the one that is seen.
	WriteTimeout time.Duration
	// SendBuffer is SO_SNDBUF in bytes; zero leaves the kernel's choice.
	SendBuffer int
}

func (o Options) withDefaults() Options {
	def := func(v *time.Duration, d time.Duration) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.PingEvery, 25*time.Second)
	def(&o.PongTimeout, 15*time.Second)
	def(&o.WriteTimeout, 15*time.Second)
	if o.ReadLimit == 0 {
		o.ReadLimit = 64 << 10
	}
	return o
}

// Conn is an accepted WebSocket.
type Conn struct {
	ws     *websocket.Conn
	net    *netConn
	opts   Options
	ctx    context.Context
	cancel context.CancelFunc

	buf []byte // owned by the reader

	pings Bucket // owned by the reader: pings received
	msgs  Bucket // owned by the reader: messages received

	pingMu    sync.Mutex
	pingTimer *time.Timer
	pingOver  bool

	wg        sync.WaitGroup // the ping timer and the closing goroutine
	closeOnce sync.Once
	rtt       atomic.Int64
}

// Accept upgrades a request that [CheckRequest] let through. On error it has
// answered the request. Origin is not checked here. The connection's context
// is not the request's: net/http ends that one when the handler returns.
func Accept(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	o = o.withDefaults()
	c := &Conn{opts: o, pings: NewBucket(10, 50), msgs: NewBucket(10_000, 20_000)}
	c.ctx, c.cancel = context.WithCancel(context.WithoutCancel(r.Context()))
	hj := &hijacker{ResponseWriter: w, conn: c}
	ws, err := websocket.Accept(hj, r, &websocket.AcceptOptions{
		Subprotocols:       o.Subprotocols,
		InsecureSkipVerify: true, // gate has compared Origin exactly, which the library does not
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived:     c.onPing,
	})
	if err != nil {
		c.cancel()
		return nil, err
	}
	ws.SetReadLimit(o.ReadLimit)
	c.ws, c.net = ws, hj.net
	if o.PingEvery > 0 {
		c.wg.Add(1)
		c.pingMu.Lock()
		c.pingTimer = time.AfterFunc(jitter(o.PingEvery), c.ping)
		c.pingMu.Unlock()
	}
	return c, nil
}

// Subprotocol returns the negotiated subprotocol, "" for none.
func (c *Conn) Subprotocol() string { return c.ws.Subprotocol() }

// Context ends when the connection is gone.
func (c *Conn) Context() context.Context { return c.ctx }

// RTT is the round trip of the last ping, zero before the first.
func (c *Conn) RTT() time.Duration { return time.Duration(c.rtt.Load()) }

// Read returns the next message; its bytes are valid until the next Read. An
// error means that the connection is gone, and its context has ended. Text
// that is not UTF-8 ends the connection with 1007, too large a message with
// 1009, a flood with 1008.
func (c *Conn) Read() (MessageType, []byte, error) {
	typ, data, err := c.read()
	if err != nil {
		c.explain(err)
		c.cancel()
		return 0, nil, err
	}
	return typ, data, nil
}

// explain closes with the code that fits err. The library says so itself for
// some violations only (an unmasked frame, say, it does not), and nobody is
// left to tell when the connection is lost.
func (c *Conn) explain(err error) {
	var ce websocket.CloseError
	var ne net.Error
	switch {
	case errors.As(err, &ce), errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
	case errors.Is(err, os.ErrDeadlineExceeded):
		c.Close(CodePolicy, "a message was not finished in time")
	case errors.As(err, &ne):
	default:
		c.Close(CodeProtocol, "protocol error")
	}
}

func (c *Conn) read() (MessageType, []byte, error) {
	c.buf = putLarge(c.buf)
	typ, rd, err := c.ws.Reader(context.Background())
	if err != nil {
		return 0, nil, err
	}
	c.net.messageDeadline(c.opts.WriteTimeout)
	n := 0
	for {
		if n == len(c.buf) {
			c.buf = grow(c.buf, n)
		}
		m, err := rd.Read(c.buf[n:])
		n += m
		if err != nil {
			if isEOF(err) {
				break
			}
			return 0, nil, err
		}
	}
	c.net.messageDone(n)
	switch {
	case typ == Text && !utf8.Valid(c.buf[:n]):
		c.Close(CodeInvalidUTF8, "text must be UTF-8")
		return 0, nil, errors.New("invalid UTF-8 in a text message")
	case !c.msgs.Take(time.Now()):
		c.Close(CodePolicy, "too many messages")
		return 0, nil, errors.New("too many messages")
	}
	return typ, c.buf[:n], nil
}

// Write sends one message as one frame. It allocates nothing; a peer that
// takes longer than WriteTimeout to take it off the socket is disconnected.
func (c *Conn) Write(typ MessageType, data []byte) error {
	err := c.ws.Write(context.Background(), typ, data)
	if err != nil {
		c.Kill()
	}
	return err
}

// Close sends a close frame and waits for the peer's in a goroutine of its
// own, at most some seconds; [Conn.Wait] waits for that. The first call
// counts. Reasons are cut to what a close frame holds.
func (c *Conn) Close(code int, reason string) {
	c.closeOnce.Do(func() {
		c.wg.Add(1)
		go func() {
			defer c.wg.Done()
			_ = c.ws.Close(websocket.StatusCode(code), cutReason(reason))
			c.cancel()
		}()
	})
}

// Kill drops the connection without a close frame.
func (c *Conn) Kill() {
	c.cancel()
	_ = c.net.Close()
}

// Wait closes the connection, with 1000 when nobody has given another code,
// and returns when none of its goroutines is left. The reader must have
// stopped.
func (c *Conn) Wait() {
	c.Close(CodeNormal, "")
	c.stopPings()
	c.wg.Wait()
	c.cancel()
	c.buf = putLarge(c.buf)
}
