package e2e_test

import (
	"cmp"
	"encoding/json"
	"io"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

// attachment is a client of the terminal protocol: it counts and acknowledges output and keeps what is
// needed to come back after the connection is lost.
type attachment struct {
	t      *testing.T
	client *harness.Client
	name   string
	base   string    // of the service's URL; "" is the operators' site
	out    io.Writer // gets every output byte once, in order

	socket  *harness.Socket
	session string
	offset  int64 // of the next output byte
	replay  string
	exit    *exitMessage
}

type exitMessage struct {
	Code   *int
	Reason string
	Detail string
}

// attach opens a session, or the one that a had before.
func (a *attachment) attach() {
	a.t.Helper()
	hello := map[string]any{"type": "hello", "cols": 80, "rows": 24, "client": "e2e"}
	if a.session != "" {
		hello["session"], hello["offset"] = a.session, a.offset
	}
	text, err := json.Marshal(hello)
	if err != nil {
		a.t.Fatal(err)
	}
	socket, answer, err := harness.DialURL(a.t, a.client.HTTP, cmp.Or(a.base, harness.Origin)+"/terminals/"+a.name,
		"pruvon.terminal.v1", "Origin: "+harness.Origin)
	if err != nil {
		a.t.Fatalf("attaching: %v (%d %s)", err, answer.Status, answer.Body)
	}
	a.socket = socket
	a.socket.SendText(string(text))
	binary, first, err := a.socket.Next()
	if err != nil || binary {
		a.t.Fatalf("instead of ready came %q (%v)", first, err)
	}
	var ready struct {
		Type, Session, Replay string
		Offset                int64
	}
	if err := json.Unmarshal(first, &ready); err != nil || ready.Type != "ready" {
		a.t.Fatalf("instead of ready came %s", first)
	}
	if a.session != "" && ready.Session != a.session {
		a.t.Fatalf("attached to %s instead of %s", ready.Session, a.session)
	}
	if ready.Offset != a.offset {
		a.t.Fatalf("the stream goes on at %d instead of %d", ready.Offset, a.offset)
	}
	a.session, a.replay = ready.Session, ready.Replay
}

// pump reads messages until more says false, the session ends or the connection is lost, which is the
// error. With acknowledge it acknowledges what it reads, as a client that draws.
func (a *attachment) pump(acknowledge bool, more func() bool) error {
	a.t.Helper()
	acked := a.offset
	for more() && a.exit == nil {
		binary, data, err := a.socket.Next()
		if err != nil {
			return err
		}
		if !binary {
			a.message(data)
			continue
		}
		if _, err := a.out.Write(data); err != nil {
			a.t.Fatal(err)
		}
		a.offset += int64(len(data))
		if acknowledge && a.offset-acked >= 16<<10 {
			acked = a.offset
			if err := a.ack(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *attachment) ack() error {
	text, err := json.Marshal(map[string]any{"type": "ack", "offset": a.offset})
	if err != nil {
		return err
	}
	return a.socket.TrySendText(string(text))
}

func (a *attachment) message(data []byte) {
	a.t.Helper()
	var kind struct{ Type string }
	if err := json.Unmarshal(data, &kind); err != nil {
		a.t.Fatalf("%v: %s", err, data)
	}
	switch kind.Type {
	case "exit":
		a.exit = &exitMessage{}
		if err := json.Unmarshal(data, a.exit); err != nil {
			a.t.Fatal(err)
		}
	case "reset":
		a.t.Fatalf("the stream was replaced by a picture: %s", data)
	}
}
