package terminal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/pruvon/pruvon/bench/internal/wsclient"
	"github.com/pruvon/pruvon/terminal"
)

// client is somebody's end of a terminal. One goroutine may read and another write.
type client interface {
	// Next returns the next output, valid until the next call, and io.EOF after the last.
	Next() ([]byte, error)
	// Type sends input.
	Type([]byte) error
	// Drawn says that n more bytes have been shown. It counts as a write.
	Drawn(n int) error
	// Close cuts the connection without a word, as the end of the client's process does.
	Close() error
}

// page speaks Pruvon's subprotocol.
type page struct {
	*wsclient.Conn
	every        int64
	drawn, acked int64
	ack          []byte
}

// dialPage opens a terminal. It does not answer pings, the first of which comes after 25 s.
func dialPage(ctx context.Context, addr, name string, o wsclient.Options) (*page, error) {
	o.Protocol, o.Host = terminal.Subprotocol, serverName
	conn, err := wsclient.Dial(ctx, addr, "/terminals/"+name, o)
	if err != nil {
		return nil, err
	}
	p := &page{Conn: conn}
	if err := conn.Send(wsclient.OpText, []byte(`{"type":"hello","cols":80,"rows":24}`)); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return p, nil
}

// Next is part of client.
func (p *page) Next() ([]byte, error) {
	for {
		op, b, err := p.Conn.Next()
		switch {
		case err != nil:
			return nil, err
		case op == wsclient.OpBinary:
			return b, nil
		case op == wsclient.OpClose:
			return nil, fmt.Errorf("closed: %q", b)
		case op == wsclient.OpText:
			if err := p.control(b); err != nil {
				return nil, err
			}
		}
	}
}

func (p *page) control(b []byte) error {
	var m struct {
		Type, Reason, Detail string
		Window               int64
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return err
	}
	switch m.Type {
	case "ready":
		p.every = m.Window / 4
	case "exit":
		if m.Reason != "exited" {
			return fmt.Errorf("the session has ended: %s %s", m.Reason, m.Detail)
		}
		return io.EOF
	}
	return nil
}

// Type is part of client.
func (p *page) Type(b []byte) error { return p.Send(wsclient.OpBinary, b) }

// Drawn acknowledges every quarter of the window, as the page's module does.
func (p *page) Drawn(n int) error {
	if p.drawn += int64(n); p.drawn-p.acked < p.every {
		return nil
	}
	p.acked = p.drawn
	p.ack = append(p.ack[:0], `{"type":"ack","offset":`...)
	p.ack = append(strconv.AppendInt(p.ack, p.drawn, 10), '}')
	return p.Send(wsclient.OpText, p.ack)
}

// frames takes the payload of frames as it comes, and has no flow control but TCP's.
type frames struct{ *wsclient.Conn }

func dialFrames(ctx context.Context, addr string, o wsclient.Options) (*frames, error) {
	conn, err := wsclient.Dial(ctx, addr, "/", o)
	if err != nil {
		return nil, err
	}
	return &frames{conn}, nil
}

// Next is part of client.
func (f *frames) Next() ([]byte, error) {
	op, b, err := f.Conn.Next()
	if err == nil && op == wsclient.OpClose {
		err = io.EOF
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Type is part of client.
func (f *frames) Type(b []byte) error { return f.Send(wsclient.OpBinary, b) }

// Drawn is part of client.
func (f *frames) Drawn(int) error { return nil }

// socket is a bare TCP connection, to the floor.
type socket struct {
	net.Conn
	buf []byte
}

func dialSocket(ctx context.Context, addr, name string, buffer int) (*socket, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, name+"\n"); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return &socket{conn, make([]byte, buffer)}, nil
}

// Next is part of client.
func (s *socket) Next() ([]byte, error) {
	n, err := s.Read(s.buf)
	if n > 0 {
		return s.buf[:n], nil
	}
	return nil, err
}

// Type is part of client.
func (s *socket) Type(b []byte) error {
	_, err := s.Write(b)
	return err
}

// Drawn is part of client.
func (s *socket) Drawn(int) error { return nil }
