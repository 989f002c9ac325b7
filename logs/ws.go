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

// wsTransport sends JSON objects as text messages, a segment each.
type wsTransport struct{ conn *wsconn.Conn }

func (t *wsTransport) send(s *segment) error {
	if err := t.conn.Write(wsconn.Text, s.json()); err != nil {
		return &writeError{err}
	}
	return nil
}

func (t *wsTransport) flush() error { return nil }

// wsTextTransport is for clients that asked for no subprotocol: each message is
// the text of a line, and nothing else is sent.
type wsTextTransport struct {
	conn *wsconn.Conn
	buf  []byte
}

func (t *wsTextTransport) send(s *segment) error {
	for i := range s.lines {
		t.buf = s.text(t.buf[:0], i)
		if err := t.conn.Write(wsconn.Text, t.buf); err != nil {
			return &writeError{err}
		}
	}
	return nil
}

func (t *wsTextTransport) flush() error { return nil }

func (s *stream) serveWS(w http.ResponseWriter) error {
	conn, err := wsconn.Accept(w, s.req, wsOptions(s.h.cfg))
	if err != nil {
		return nil // it has been answered
	}
	var wg sync.WaitGroup
	defer conn.Wait()
	defer wg.Wait()
	defer conn.Close(wsconn.CodeFault, "")
	defer s.stop(nil)
	var t transport = &wsTransport{conn}
	if conn.Subprotocol() == "" {
		t = &wsTextTransport{conn: conn}
	}
	wg.Go(func() { s.listen(conn) })
	s.watch(&wg)
	defer context.AfterFunc(s.ctx, func() {
		// A write that is stuck does not see the end of the context.
		time.AfterFunc(lastWord, conn.Kill)
	})()
	err = s.run(t, "websocket")
	e, silent := endingOf(err)
	if silent {
		conn.Kill()
		return nil
	}
	if conn.Subprotocol() != "" {
		_ = t.send(endEvent(e))
	}
	conn.Close(e.code, e.why)
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
