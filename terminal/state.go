package terminal

import "fmt"

// phase is where a session is in its life.
type phase uint8

const (
	starting phase = iota // the command is being started
	doomed                // being started, and to be ended as soon as it is
	running
	ending   // the process tree is being ended
	draining // the command has exited, its last output is being read
	ended
)

// sessionEvent is what can happen to a session.
type sessionEvent uint8

const (
	evStarted     sessionEvent = iota // the command runs
	evStartFailed                     // it could not be started
	evEnd                             // somebody or some limit wants it to end
	evExited                          // the command itself has exited
	evDrained                         // its last output has been read
)

// next is the whole life of a session. The second result says whether the
// event changes anything; an event that cannot happen in a phase changes
// nothing either.
func (p phase) next(e sessionEvent) (phase, bool) {
	switch {
	case p == starting && e == evStarted:
		return running, true
	case p == starting && e == evEnd:
		return doomed, true
	case p == doomed && e == evStarted:
		return ending, true
	case (p == starting || p == doomed) && e == evStartFailed:
		return ended, true
	case p == running && e == evEnd:
		return ending, true
	case (p == running || p == ending) && e == evExited:
		return draining, true
	case p == draining && e == evDrained:
		return ended, true
	}
	return p, false
}

func (p phase) String() string {
	names := [...]string{"starting", "doomed", "running", "ending", "draining", "ended"}
	if int(p) < len(names) {
		return names[p]
	}
	return fmt.Sprintf("phase(%d)", uint8(p))
}

// connState is where a connection is in its life.
type connState uint8

const (
	connHello   connState = iota // the first message has not come
	connLive                     // attached to a session
	connClosing                  // the last message is on its way
	connGone
)

// connEvent is what can happen to a connection.
type connEvent uint8

const (
	cevHello   connEvent = iota // a hello arrived
	cevMessage                  // another control message arrived
	cevAck                      // an ack arrived
	cevInput                    // terminal input arrived
	cevFinal                    // the server has said its last word
	cevLost                     // the connection is gone
)

// step is what a connection does with an event.
type step uint8

const (
	stepIgnore step = iota
	stepDo
	stepViolation // close 1008
)

// next is the whole life of a connection.
func (c connState) next(e connEvent) (connState, step) {
	switch {
	case c == connGone:
		return connGone, stepIgnore
	case e == cevLost:
		return connGone, stepDo
	case c == connClosing && e == cevAck:
		return connClosing, stepDo // the last output needs the window too
	case c == connClosing:
		return connClosing, stepIgnore
	case e == cevFinal:
		return connClosing, stepDo
	case c == connHello && e == cevHello:
		return connLive, stepDo
	case c == connLive && (e == cevMessage || e == cevAck || e == cevInput):
		return connLive, stepDo
	}
	return c, stepViolation
}
