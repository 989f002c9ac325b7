package terminal

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/wsconn"
)

// tellWithin is how soon a client hears that its input has been accepted.
const tellWithin = 100 * time.Millisecond

// never is an offset that no stream reaches.
const never = 1<<63 - 1

// attachment is one WebSocket connection. The handler's goroutine reads it;
// send writes it. Both end with it.
type attachment struct {
	h    *Handler
	conn *wsconn.Conn
	r    *http.Request
	name string
	set  settings
	res  gate.Resource
	raw  bool
	prep *prepared // what a new session needs, reserved before the upgrade

	greeted  func()        // gives the handshake's place back
	wake     chan struct{} // wakes send
	room     chan struct{} // wakes a raw reader: the input queue has room
	sendDone chan struct{}
	unwatch  func() // ends the revalidation

	// Set by the reading goroutine before the session knows the attachment.
	who      gate.Principal
	readOnly bool
	viewOnly bool
	clientID string
	talk     wsconn.Bucket // owned by the reading goroutine: idle talk

	mu    sync.Mutex // guards these; never held while a lock is taken
	state connState
	ctl   [][]byte
	last  *final
	s     *session // set once, with the session's lock held as well

	// The session's lock guards these.
	flow       flow
	pump       pump
	wantAt     int64
	client     *client
	gone       bool // fenced off or detached
	staged     []byte
	told       int64
	tellAt     time.Time
	resetDue   bool
	roleDue    bool
	sizeDue    bool
	role       string // as counted in the metrics
	finalFrom  time.Time
	finalAcked int64

	scratch [64]byte // owned by send
}

// connected makes the connection known to others.
func (a *attachment) connected(c *wsconn.Conn, greeted func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.conn, a.raw, a.greeted = c, c.Subprotocol() == "", greeted
}

// cut drops the connection.
func (a *attachment) cut() {
	a.mu.Lock()
	c := a.conn
	a.mu.Unlock()
	if c != nil {
		c.Kill()
	}
}

// user returns who is connected.
func (a *attachment) user() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.who.User
}

// final is the last message of a connection.
type final struct {
	exit  exitMessage
	flush bool // after all output
}

// poke wakes the sender.
func (a *attachment) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// roomy wakes a raw reader.
func (a *attachment) roomy() {
	select {
	case a.room <- struct{}{}:
	default:
	}
}

// ctlMax bounds the control messages that wait for a slow client.
const ctlMax = 64

// queue adds a control message. One too many means that the client does not
// read while it makes us talk: the connection ends.
func (a *attachment) queue(m []byte) {
	if a.raw {
		return
	}
	a.mu.Lock()
	full := len(a.ctl) >= ctlMax
	if !full {
		a.ctl = append(a.ctl, m)
	}
	a.mu.Unlock()
	if full {
		a.violate("too many messages unread")
		return
	}
	a.poke()
}

// finish makes m the connection's last message, behind all output if flush is
// set. The first call counts, but for a last message that is in a hurry.
func (a *attachment) finish(m exitMessage, flush bool) {
	a.mu.Lock()
	next, what := a.state.next(cevFinal)
	if what == stepDo || a.last != nil && a.last.flush && !flush {
		a.state = next
		a.last = &final{exit: m, flush: flush}
	}
	a.mu.Unlock()
	a.poke()
}

// violate ends the connection because of what the client did.
func (a *attachment) violate(why string) {
	a.h.log.Info("terminal: connection refused", "name", a.name, "user", a.who.User, "addr", a.who.Addr, "why", why)
	a.mu.Lock()
	a.state, _ = a.state.next(cevFinal)
	a.mu.Unlock()
	a.conn.Close(wsconn.CodePolicy, why)
}

// happens advances the connection's state.
func (a *attachment) happens(e connEvent) step {
	a.mu.Lock()
	defer a.mu.Unlock()
	var what step
	a.state, what = a.state.next(e)
	return what
}

// serve reads the connection until it is gone.
func (a *attachment) serve() {
	go a.send()
	ctx, cancel := context.WithCancel(a.conn.Context())
	var hello *time.Timer
	if a.raw {
		a.greeted()
		if a.happens(cevHello) == stepDo {
			a.openRaw(ctx)
		}
	} else if d := a.h.helloTimeout; d > 0 {
		hello = time.AfterFunc(d, a.helloLate)
		defer hello.Stop()
	}
	for {
		typ, data, err := a.conn.Read()
		if err != nil {
			break
		}
		a.message(ctx, typ, data)
	}
	a.happens(cevLost)
	a.detach()
	a.prep.release()
	a.poke()
	cancel()
	if a.unwatch != nil {
		a.unwatch()
	}
	<-a.sendDone
}

func (a *attachment) helloLate() {
	a.mu.Lock()
	late := a.state == connHello
	a.mu.Unlock()
	if late {
		a.violate("no hello in time")
	}
}

// message handles one message of the client.
func (a *attachment) message(ctx context.Context, typ wsconn.MessageType, data []byte) {
	if a.raw {
		if a.happens(cevInput) == stepDo && a.s != nil {
			a.s.inputRaw(a, data)
		}
		return
	}
	if typ == wsconn.Binary {
		if len(data) == 0 && !a.mayTalk() {
			return
		}
		switch a.happens(cevInput) {
		case stepViolation:
			a.violate("input before hello")
		case stepDo:
			if a.s != nil && !a.s.input(a, data) {
				a.violate("input beyond the credit")
			}
		}
		return
	}
	if off, ok := parseAck(data); ok {
		a.control(ctx, ack{off})
		return
	}
	m, err := parse(data)
	if err != nil {
		if a.happens(cevMessage) != stepIgnore {
			a.violate(err.Error())
		}
		return
	}
	if h, ok := m.(hello); ok {
		switch a.happens(cevHello) {
		case stepViolation:
			a.violate("a second hello")
		case stepDo:
			a.greeted()
			a.open(ctx, h)
		}
		return
	}
	a.control(ctx, m)
}

// control handles what is neither hello nor input.
func (a *attachment) control(ctx context.Context, m any) {
	e := cevMessage
	if _, ok := m.(ack); ok {
		e = cevAck
	}
	switch a.happens(e) {
	case stepViolation:
		a.violate("the first message must be hello")
		return
	case stepIgnore:
		return
	}
	s := a.s
	if s == nil {
		return
	}
	if m, ok := m.(ack); ok {
		switch useful, ok := s.acknowledge(a, m.Offset); {
		case !ok:
			a.violate("ack beyond what was sent")
		case !useful:
			a.mayTalk()
		}
		return
	}
	if !a.mayTalk() {
		return
	}
	switch m := m.(type) {
	case resize:
		s.resize(a, m.Size)
	case take:
		s.take(ctx, a)
	case ping:
		a.queue(encode(pongMessage{Type: "pong", T: m.T}))
	}
}

// mayTalk counts what neither types nor acknowledges anything, of which nobody
// has cause to send much. It ends the connection of who does.
func (a *attachment) mayTalk() bool {
	if a.talk.Take(time.Now()) {
		return true
	}
	a.violate("too many messages")
	return false
}

// acknowledge records what the client has drawn.
func (s *session) acknowledge(a *attachment, off int64) (useful, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	useful, ok = a.flow.ack(off)
	if !useful {
		return useful, ok
	}
	a.poke()
	if s.primary == a && !s.stopped.IsZero() {
		s.wakeReader()
	}
	return true, true
}

// denial ends the connection when the host no longer admits it.
func (a *attachment) denial(err error) {
	m := exitMessage{Type: "exit", Reason: ReasonRevoked, Detail: "access has been withdrawn"}
	if errors.Is(err, gate.ErrUnavailable) {
		m = exitMessage{
			Type: "exit", Reason: ReasonFault, Detail: "whether access still holds could not be found out",
			Retryable: true, RetryAfter: 5,
		}
	}
	a.h.log.Info("terminal: connection ended by revalidation", "name", a.name, "user", a.who.User, "err", err)
	a.finish(m, false)
}
