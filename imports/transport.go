package imports

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/wsconn"
)

// socket is a watcher's WebSocket.
type socket struct {
	conn   *wsconn.Conn
	reader sync.WaitGroup
}

func newSocket(conn *wsconn.Conn) *socket {
	s := &socket{conn: conn}
	s.reader.Go(func() {
		for {
			if _, _, err := conn.Read(); err != nil {
				return
			}
			conn.Close(wsconn.CodePolicy, "this stream takes no messages")
		}
	})
	return s
}

func (s *socket) send(lines [][]byte) error {
	for _, line := range lines {
		if err := s.conn.Write(wsconn.Text, line); err != nil {
			return err
		}
	}
	return nil
}

func (s *socket) end(code int, reason string) { s.conn.Close(code, reason) }
func (s *socket) cut()                        { s.conn.Kill() }
func (s *socket) gone() <-chan struct{}       { return s.conn.Context().Done() }

// wait returns when the connection and its reader are gone.
func (s *socket) wait() {
	s.reader.Wait()
	s.conn.Wait()
}

// stream is a watcher's HTTP response.
type stream struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	done  <-chan struct{}
	frame func(b *bytes.Buffer, line []byte)
	buf   bytes.Buffer
}

// newStream starts the response. The headers that keep nginx from holding it
// back (X-Accel-Buffering) and the first bytes go out at once.
func newStream(w http.ResponseWriter, r *http.Request, typ string, frame func(*bytes.Buffer, []byte)) (*stream, error) {
	rc := http.NewResponseController(w)
	if err := rc.SetWriteDeadline(time.Now().Add(writeFor)); err != nil && errors.Is(err, http.ErrNotSupported) {
		return nil, &gate.Problem{
			Name: "wrapped-writer", Title: "Internal error", Status: http.StatusInternalServerError,
			Detail: "a middleware of the service hides the connection",
			Hint:   "mount this handler outside http.TimeoutHandler, and give ResponseWriter wrappers an Unwrap method", Err: err,
		}
	}
	hd := w.Header()
	hd.Set("Content-Type", typ)
	hd.Set("Cache-Control", "no-store")
	hd.Set("X-Accel-Buffering", "no")
	hd.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	return &stream{w: w, rc: rc, done: r.Context().Done(), frame: frame}, nil
}

func (s *stream) send(lines [][]byte) error {
	s.buf.Reset()
	for _, line := range lines {
		s.frame(&s.buf, line)
	}
	// A rolling deadline: a server's WriteTimeout would cut the stream, and a
	// client that takes nothing must not stay.
	if err := s.rc.SetWriteDeadline(time.Now().Add(writeFor)); err != nil {
		return err
	}
	if _, err := s.w.Write(s.buf.Bytes()); err != nil {
		return err
	}
	return s.rc.Flush()
}

func (s *stream) end(int, string)       {}
func (s *stream) cut()                  { _ = s.rc.SetWriteDeadline(time.Now()) }
func (s *stream) gone() <-chan struct{} { return s.done }

func lineFrame(b *bytes.Buffer, line []byte) {
	b.Write(line)
	b.WriteByte('\n')
}

// sseFrame writes an event of the HTML standard. A message is JSON on one line
// without any raw line end in it, so no content can forge a frame.
func sseFrame(b *bytes.Buffer, line []byte) {
	typ, seq := messageHead(line)
	b.WriteString("event: ")
	b.Write(typ)
	if len(seq) > 0 && string(typ) != "snapshot" && string(typ) != "heartbeat" {
		b.WriteString("\nid: ")
		b.Write(seq)
	}
	b.WriteString("\ndata: ")
	b.Write(line)
	b.WriteString("\n\n")
}

// messageHead cuts the type and the seq out of a message that this package has
// encoded: they are its first members.
func messageHead(line []byte) (typ, seq []byte) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"type":"`))
	if !ok {
		return []byte("message"), nil
	}
	typ, rest, _ = bytes.Cut(rest, []byte(`"`))
	if rest, ok = bytes.CutPrefix(rest, []byte(`,"seq":`)); ok {
		n := bytes.IndexAny(rest, ",}")
		return typ, rest[:max(n, 0)]
	}
	return typ, nil
}

// hurry cuts a watcher off that has not taken the last word in time after ctx
// has ended: a write that is stuck does not see that, and neither does a peer
// that answers no close frame. After stop nothing is cut any more.
func hurry(ctx context.Context, cut func()) (stop func()) {
	var mu sync.Mutex
	over := false
	unlessOver := func(f func()) {
		mu.Lock()
		defer mu.Unlock()
		if !over {
			f()
		}
	}
	timer := time.AfterFunc(time.Hour, func() { unlessOver(cut) })
	timer.Stop()
	unhook := context.AfterFunc(ctx, func() { unlessOver(func() { timer.Reset(lastWord) }) })
	return func() {
		unlessOver(func() { over = true })
		unhook()
		timer.Stop()
	}
}
