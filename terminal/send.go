package terminal

import (
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/wsconn"
)

// flushMax is how long the last output may wait for a client that does not
// acknowledge anything.
const flushMax = 15 * time.Second

// frames holds the buffers that output is copied into while it is written; an
// idle connection keeps none.
var frames = sync.Pool{New: func() any { return new([frameMax]byte) }}

// job is one thing to write, or when to look again.
type job struct {
	kind  jobKind
	text  []byte // jobText; jobReset: the announcement
	data  []byte // jobReset: the picture
	n     int    // jobOutput: bytes in the frame buffer
	exit  exitMessage
	again time.Time // jobWait; zero waits for a poke
}

type jobKind uint8

const (
	jobWait jobKind = iota
	jobText
	jobReset
	jobOutput
	jobExit
	jobStop
)

// send writes everything that a client gets, until the last message or until
// the connection is gone.
func (a *attachment) send() {
	defer close(a.sendDone)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	defer timer.Stop()
	for {
		again, ok := a.sendAll()
		if !ok {
			return
		}
		if !again.IsZero() {
			timer.Reset(time.Until(again))
		}
		select {
		case <-a.wake:
			timer.Stop()
		case <-timer.C:
		case <-a.conn.Context().Done():
			return
		}
	}
}

// sendAll writes what is due and returns when there may be more.
func (a *attachment) sendAll() (again time.Time, ok bool) {
	var frame *[frameMax]byte
	defer func() {
		if frame != nil {
			frames.Put(frame)
		}
	}()
	for {
		if frame == nil && a.outputDue() {
			frame = frames.Get().(*[frameMax]byte)
		}
		j := a.next(frame)
		var err error
		switch j.kind {
		case jobWait:
			return j.again, true
		case jobStop:
			return time.Time{}, false
		case jobText:
			err = a.conn.Write(wsconn.Text, j.text)
		case jobReset:
			err = a.sendReset(j)
		case jobOutput:
			err = a.conn.Write(wsconn.Binary, frame[:j.n])
		case jobExit:
			a.sendExit(j.exit)
			return time.Time{}, false
		}
		if err != nil {
			return time.Time{}, false
		}
	}
}

// outputDue reports whether a frame buffer is likely to be needed.
func (a *attachment) outputDue() bool {
	a.mu.Lock()
	s := a.s
	a.mu.Unlock()
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ring.end > a.flow.sent
}

// next decides what to write. Output is copied into frame, if there is one.
func (a *attachment) next(frame *[frameMax]byte) job {
	a.mu.Lock()
	s := a.s
	a.mu.Unlock()
	if s != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	text, last, state := a.takeControl()
	switch {
	case state == connGone:
		return job{kind: jobStop}
	case last != nil && !last.flush:
		return job{kind: jobExit, exit: last.exit}
	case text != nil:
		return job{kind: jobText, text: text}
	case s == nil && last != nil:
		return job{kind: jobExit, exit: last.exit}
	case s == nil:
		return job{}
	}
	now := time.Now()
	if j, ok := a.controlLocked(s, now); ok {
		return j
	}
	if j, ok := a.outputLocked(s, frame, now, last != nil); ok {
		return j
	}
	if last != nil {
		return a.lastLocked(s, last, now)
	}
	a.wantAt = never
	if frame == nil && s.ring.end > a.flow.sent {
		return job{again: now}
	}
	v := a.verdictLocked(s, now, false)
	a.wantAt = a.flow.sent + v.want
	return job{again: earliest(v.at, a.tellAt)}
}

// takeControl returns the next queued message, and what the connection has
// come to.
func (a *attachment) takeControl() (text []byte, last *final, state connState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.ctl) > 0 {
		text = a.ctl[0]
		a.ctl[0] = nil
		if a.ctl = a.ctl[1:]; len(a.ctl) == 0 {
			a.ctl = nil
		}
	}
	return text, a.last, a.state
}

// controlLocked returns the messages that tell of a state: only the newest
// counts, so they are made when there is time to send them.
func (a *attachment) controlLocked(s *session, now time.Time) (job, bool) {
	a.flow.delivered()
	if a.raw {
		if a.s.primary == a && !s.stopped.IsZero() {
			s.wakeReader()
		}
		return job{}, false
	}
	switch {
	case a.roleDue:
		a.roleDue = false
		return job{kind: jobText, text: encode(roleMessage{Type: "role", Role: a.role, Writer: s.writerLocked()})}, true
	case a.sizeDue:
		a.sizeDue = false
		return job{kind: jobText, text: encode(sizeMessage{Type: "size", Cols: s.size.Cols, Rows: s.size.Rows})}, true
	case !a.tellAt.IsZero() && (a.client.accepted-a.told >= inputEvery || !now.Before(a.tellAt)):
		a.tellAt = time.Time{}
		a.told = a.client.accepted
		return job{kind: jobText, text: appendInput(a.scratch[:0], a.told)}, true
	}
	return job{}, false
}

// outputLocked returns a reset or the next message of output.
func (a *attachment) outputLocked(s *session, frame *[frameMax]byte, now time.Time, flush bool) (job, bool) {
	if a.flow.sent < s.ring.start {
		// Overtaken: the bytes are gone. The client is brought up to date
		// once it has shown that it is still drawing.
		if a.flow.room() < a.flow.window/2 && !flush {
			return job{}, false
		}
		a.resetDue = true
	}
	if a.resetDue {
		a.resetDue = false
		return s.pictureLocked(a), true
	}
	if frame == nil || !a.verdictLocked(s, now, flush).send {
		return job{}, false
	}
	n := int(min(a.flow.room(), frameMax))
	n = s.ring.copyAt(frame[:n], a.flow.sent)
	a.flow.take(n)
	a.pump.sent(now)
	return job{kind: jobOutput, n: n}, true
}

func (a *attachment) verdictLocked(s *session, now time.Time, flush bool) verdict {
	stopped := flush || s.primary == a && !s.stopped.IsZero()
	return a.pump.decide(now, s.ring.end-a.flow.sent, a.flow.room(), max(a.flow.window, windowMin), stopped)
}

// lastLocked sends the exit once all output is on its way, or once a client
// that no longer acknowledges has had its time.
func (a *attachment) lastLocked(s *session, last *final, now time.Time) job {
	if a.flow.sent < s.ring.end {
		if a.finalFrom.IsZero() || a.finalAcked != a.flow.acked {
			a.finalFrom, a.finalAcked = now, a.flow.acked
		}
		if until := a.finalFrom.Add(flushMax); now.Before(until) {
			a.wantAt = never
			return job{again: until}
		}
	}
	return job{kind: jobExit, exit: last.exit}
}

// pictureLocked makes the reset that replaces everything up to now.
func (s *session) pictureLocked(a *attachment) job {
	from := max(s.ring.start, s.ring.end-resetMax)
	newest := make([]byte, s.ring.end-from)
	s.ring.copyAt(newest, from)
	picture := s.track.Picture(newest, resetMax)
	a.flow.open(s.ring.end)
	m := resetMessage{Type: "reset", Offset: s.ring.end, Bytes: len(picture), Cols: s.size.Cols, Rows: s.size.Rows}
	return job{kind: jobReset, text: encode(m), data: picture}
}

func (a *attachment) sendReset(j job) error {
	if err := a.conn.Write(wsconn.Text, j.text); err != nil {
		return err
	}
	for b := j.data; len(b) > 0; {
		n := min(len(b), frameMax)
		if err := a.conn.Write(wsconn.Binary, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

// sendExit says why the connection ends and closes it.
func (a *attachment) sendExit(m exitMessage) {
	if !a.raw {
		if err := a.conn.Write(wsconn.Text, encode(m)); err != nil {
			return
		}
	}
	a.conn.Close(closeCode(m.Reason, m.Retryable), string(m.Reason)+": "+m.Detail)
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
