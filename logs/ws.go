package logs

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/wsconn"
)

func wsOptions(c Config) wsconn.Options {
	timeout := c.WriteTimeout
	if timeout == 0 {
		timeout = -1
	}
	return wsconn.Options{
		Subprotocols: []string{Subprotocol}, AllowNone: true, ReadLimit: 4 << 10, WriteTimeout: timeout,
	}
}

// wsTransport sends JSON objects as text messages, a segment each. To a client
// that asked for no subprotocol each message is the text of a line, and nothing
// else is sent.
type wsTransport struct {
	accept func() (*wsconn.Conn, error)
	conn   *wsconn.Conn // nil until it is open
	buf    []byte
}

func (t *wsTransport) open() (err error) {
	t.conn, err = t.accept()
	return err
}

func (t *wsTransport) bare() bool { return t.conn.Subprotocol() == "" }

func (t *wsTransport) send(s *segment) error {
	if !t.bare() {
		return t.write(s.json())
	}
	for i := range s.lines {
		t.buf = s.text(t.buf[:0], i)
		if err := t.write(t.buf); err != nil {
			return err
		}
	}
	return nil
}

func (t *wsTransport) write(b []byte) error {
	if err := t.conn.Write(wsconn.Text, b); err != nil {
		return &writeError{err}
	}
	return nil
}

func (t *wsTransport) flush() error { return nil }

func (s *stream) serveWS(w http.ResponseWriter) error {
	var wg sync.WaitGroup
	t := &wsTransport{}
	forget := func() bool { return true }
	defer func() {
		forget()
		s.stop(nil)
		if t.conn != nil {
			t.conn.Close(wsconn.CodeFault, "")
		}
		wg.Wait()
		if t.conn != nil {
			t.conn.Wait()
		}
	}()
	s.watch(&wg)
	// Until the connection is taken over, net/http sees the client go.
	defer context.AfterFunc(s.req.Context(), func() { s.stop(context.Canceled) })()
	t.accept = func() (*wsconn.Conn, error) {
		conn, err := wsconn.Accept(w, s.req, wsOptions(s.h.cfg))
		if err != nil {
			return nil, err // it has been answered
		}
		forget = context.AfterFunc(s.ctx, func() {
			// A write that is stuck does not see the end of the context.
			time.AfterFunc(lastWord, conn.Kill)
		})
		wg.Go(func() { s.listen(conn) })
		return conn, nil
	}
	err := s.run(t, "websocket")
	if t.conn == nil {
		return nil
	}
	e, silent := endingOf(err)
	if silent {
		t.conn.Kill()
		return nil
	}
	if !t.bare() {
		_ = t.send(endEvent(e))
	}
	t.conn.Close(e.code, e.why)
	return nil
}

// listen reads: that is how pings are answered and a client that goes is
// noticed. The protocol has no messages from the client.
func (s *stream) listen(conn *wsconn.Conn) {
	for {
		_, _, err := conn.Read()
		if err != nil {
			s.stop(context.Canceled)
			return
		}
		conn.Close(wsconn.CodePolicy, "this stream takes no messages")
	}
}
