package pruvon_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/coder/websocket"

	"github.com/pruvon/pruvon/terminal"
)

// message is any message of a terminal's server.
type message struct {
	Type    string
	Session string
	Offset  int64
	Replay  string
	Role    string
	Window  int64
	Bytes   int64
	Reason  string
	Code    json.RawMessage
}

// tab is a terminal's client. It acknowledges what it gets.
type tab struct {
	ws      *websocket.Conn
	raw     bool
	ready   message
	exit    message
	role    string
	offset  int64
	acked   int64
	picture int64 // bytes of a reset's picture that are still to come
	out     strings.Builder
}

// dial opens a WebSocket; without a protocol it is a raw one.
func (s *soak) dial(v *visit, path, protocol string) (*websocket.Conn, error) {
	o := &websocket.DialOptions{HTTPClient: s.http, Host: "panel.example", HTTPHeader: v.header()}
	if protocol != "" {
		o.Subprotocols = []string{protocol}
	}
	ws, _, err := websocket.Dial(v.ctx, s.url+path, o)
	if err != nil {
		return nil, err
	}
	ws.SetReadLimit(-1)
	return ws, nil
}

// open opens a terminal and waits for ready. More is put into the hello.
func (s *soak) open(v *visit, name, more string) (*tab, error) {
	ws, err := s.dial(v, "/terminals/"+name, terminal.Subprotocol)
	if err != nil {
		return nil, err
	}
	c := &tab{ws: ws}
	c.send(v.ctx, `{"type":"hello","cols":80,"rows":24`+more+`}`)
	if err := c.until(v.ctx, func() bool { return c.ready.Type != "" }); err != nil {
		_ = ws.CloseNow()
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return c, nil
}

// reopen comes back to a session as another connection.
func (s *soak) reopen(v *visit, name string, c *tab, more string) (*tab, error) {
	return s.open(v, name, fmt.Sprintf(`,"session":%q%s`, c.ready.Session, more))
}

// A failed write is seen by the next read.
func (c *tab) send(ctx context.Context, text string) {
	_ = c.ws.Write(ctx, websocket.MessageText, []byte(text))
}

func (c *tab) typed(ctx context.Context, text string) {
	_ = c.ws.Write(ctx, websocket.MessageBinary, []byte(text))
}

// until reads until a condition holds. The end of the connection, expected or
// not, is an error.
func (c *tab) until(ctx context.Context, holds func() bool) error {
	for !holds() {
		typ, data, err := c.ws.Read(ctx)
		if err != nil {
			return err
		}
		if typ == websocket.MessageText && !c.raw {
			if err := c.heard(data); err != nil {
				return err
			}
			continue
		}
		if c.out.Len() < 1<<16 {
			c.out.Write(data)
		}
		if c.picture > 0 {
			c.picture -= int64(len(data))
			continue
		}
		if c.offset += int64(len(data)); !c.raw && c.offset-c.acked >= c.ready.Window/4 {
			c.acked = c.offset
			c.send(ctx, fmt.Sprintf(`{"type":"ack","offset":%d}`, c.offset))
		}
	}
	return nil
}

func (c *tab) heard(data []byte) error {
	var m message
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	switch m.Type {
	case "ready":
		c.ready, c.role, c.offset, c.acked = m, m.Role, m.Offset, m.Offset
	case "reset":
		c.picture, c.offset, c.acked = m.Bytes, m.Offset, m.Offset
	case "role":
		c.role = m.Role
	case "exit":
		c.exit = m
	}
	return nil
}

func (c *tab) shows(ctx context.Context, text string) error {
	if err := c.until(ctx, func() bool { return strings.Contains(c.out.String(), text) }); err != nil {
		return fmt.Errorf("waiting for %q after %q: %w", text, c.out.String(), err)
	}
	return nil
}

// ends reads to the close frame and checks why it came.
func (c *tab) ends(ctx context.Context, reason string, codes ...websocket.StatusCode) error {
	defer func() { _ = c.ws.CloseNow() }()
	err := c.until(ctx, func() bool { return false })
	for _, code := range codes {
		if websocket.CloseStatus(err) == code && (c.raw || c.exit.Reason == reason) {
			return nil
		}
	}
	return fmt.Errorf("ended with %+v and %w, want %s and %v", c.exit, err, reason, codes)
}

const ended = websocket.StatusNormalClosure

func openAndExit(s *soak, v *visit) error {
	c, err := s.open(v, "sh", "")
	if err != nil {
		return err
	}
	c.send(v.ctx, `{"type":"resize","cols":100,"rows":30}`)
	c.typed(v.ctx, "echo so''ak; exit 3\r")
	if err := c.shows(v.ctx, "soak"); err != nil {
		return err
	}
	if err := c.ends(v.ctx, "exited", ended); err != nil {
		return err
	}
	if string(c.exit.Code) != "3" {
		return fmt.Errorf("exit code %s, want 3", c.exit.Code)
	}
	return nil
}

func dropAndResume(s *soak, v *visit) error {
	c, err := s.open(v, "sh", `,"client":"tab"`)
	if err != nil {
		return err
	}
	for i := range 1 + v.rng.IntN(3) {
		c.typed(v.ctx, fmt.Sprintf("echo be''fore %d\r", i))
		if err := c.shows(v.ctx, fmt.Sprintf("before %d", i)); err != nil {
			return err
		}
		_ = c.ws.CloseNow()
		next, err := s.reopen(v, "sh", c, fmt.Sprintf(`,"client":"tab","offset":%d`, c.offset))
		if err != nil {
			return err
		}
		if next.ready.Replay != "exact" || next.ready.Offset != c.offset {
			return fmt.Errorf("resumed with %+v at %d", next.ready, c.offset)
		}
		c = next
	}
	c.typed(v.ctx, "exit\r")
	return c.ends(v.ctx, "exited", ended)
}

func dropAndLeave(s *soak, v *visit) error {
	c, err := s.open(v, "brief", "")
	if err != nil {
		return err
	}
	c.typed(v.ctx, "sleep 1000 &\r")
	return c.ws.CloseNow()
}

func dropAndRevoke(s *soak, v *visit) error {
	c, err := s.open(v, "sh", "")
	if err != nil {
		return err
	}
	c.typed(v.ctx, "setsid sleep 1000 & echo start''ed\r")
	if err := c.shows(v.ctx, "started"); err != nil {
		return err
	}
	attached := v.rng.IntN(2) == 0
	if !attached {
		_ = c.ws.CloseNow()
	}
	if n := s.app.Revoke(v.user); n != 1 {
		return fmt.Errorf("%d sessions were revoked, want 1", n)
	}
	if attached {
		return c.ends(v.ctx, "revoked", websocket.StatusPolicyViolation)
	}
	return nil
}

// dropAndKill ends a session that its page has left, as the page's close
// dialog does.
func dropAndKill(s *soak, v *visit) error {
	c, err := s.open(v, "sh", "")
	if err != nil {
		return err
	}
	c.typed(v.ctx, "sleep 1000 & echo start''ed\r")
	if err := c.shows(v.ctx, "started"); err != nil {
		return err
	}
	attached := v.rng.IntN(2) == 0
	if !attached {
		_ = c.ws.CloseNow()
	}
	if _, err := s.ask(v, http.MethodDelete, "/terminals/sh?session="+c.ready.Session, nil, nil, http.StatusNoContent); err != nil {
		return err
	}
	if attached {
		return c.ends(v.ctx, "killed", ended)
	}
	return nil
}

func watchAndTakeOver(s *soak, v *visit) error {
	first, err := s.open(v, "sh", `,"client":"first"`)
	if err != nil {
		return err
	}
	defer func() { _ = first.ws.CloseNow() }()
	second, err := s.reopen(v, "sh", first, `,"client":"second"`)
	if err != nil {
		return err
	}
	defer func() { _ = second.ws.CloseNow() }()
	if second.role != "viewer" {
		return fmt.Errorf("the second one is %s", second.role)
	}
	second.send(v.ctx, `{"type":"take"}`)
	if err := second.until(v.ctx, func() bool { return second.role == "writer" }); err != nil {
		return err
	}
	if v.rng.IntN(2) == 0 {
		_ = first.ws.CloseNow()
		second.typed(v.ctx, "exit\r")
		return second.ends(v.ctx, "exited", ended)
	}
	second.typed(v.ctx, "echo ta''ken; exit\r")
	return errors.Join(first.shows(v.ctx, "taken"), first.ends(v.ctx, "exited", ended), second.ends(v.ctx, "exited", ended))
}

func rawTerminal(s *soak, v *visit) error {
	ws, err := s.dial(v, "/terminals/sh?cols=100&rows=40", "")
	if err != nil {
		return err
	}
	c := &tab{ws: ws, raw: true}
	if v.rng.IntN(3) == 0 {
		return ws.CloseNow() // perhaps before there is a shell
	}
	c.typed(v.ctx, "stty size; exit\r")
	if err := c.shows(v.ctx, "40 100"); err != nil {
		return err
	}
	return c.ends(v.ctx, "", ended)
}

func floodAndDrop(s *soak, v *visit) error {
	c, err := s.open(v, "brief", "")
	if err != nil {
		return err
	}
	c.typed(v.ctx, "seq 100000\r")
	most := int64(v.rng.IntN(400 << 10))
	if err := c.until(v.ctx, func() bool { return c.offset >= most }); err != nil {
		return err
	}
	return c.ws.CloseNow()
}

func sayNothing(s *soak, v *visit) error {
	ws, err := s.dial(v, "/terminals/sh", terminal.Subprotocol)
	if err != nil {
		return err
	}
	c := &tab{ws: ws}
	switch v.rng.IntN(3) {
	case 0:
		return ws.CloseNow()
	case 1:
		return ws.Close(websocket.StatusNormalClosure, "")
	}
	c.send(v.ctx, `{"type":"exec"}`)
	return c.ends(v.ctx, "", websocket.StatusPolicyViolation)
}

func startNothing(s *soak, v *visit) error {
	ws, err := s.dial(v, "/terminals/missing", terminal.Subprotocol)
	if err != nil {
		return err
	}
	c := &tab{ws: ws}
	c.send(v.ctx, `{"type":"hello","cols":80,"rows":24}`)
	return c.ends(v.ctx, "start_failed", websocket.StatusInternalError)
}

func stubbornTree(s *soak, v *visit) error {
	c, err := s.open(v, "stubborn", "")
	if err != nil {
		return err
	}
	if err := c.shows(v.ctx, "ready"); err != nil {
		return err
	}
	if n := s.app.Revoke(v.user); n != 1 {
		return fmt.Errorf("%d sessions were revoked, want 1", n)
	}
	return c.ends(v.ctx, "revoked", websocket.StatusPolicyViolation)
}
