package terminal

import "time"

// writeMax is how many input bytes are handed to the process at once.
const writeMax = 4 << 10

// tryWriter is a process that can take input without waiting. It saves the
// echo of a key the way through another goroutine.
type tryWriter interface {
	tryWrite(b []byte) int
}

// input takes terminal input from a connection. It never waits: what the
// process does not take is queued, and what the queue has no room for stays
// with the connection, within the credit that the client has been given. The
// result is false when the client has exceeded it.
func (s *session) input(a *attachment, b []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.gone || len(b) == 0 {
		return true
	}
	if s.primary != a || a.readOnly || s.phase != running {
		// The offsets go on counting, so that the client's idea of them and
		// ours agree when it may type again.
		a.client.accepted += int64(len(b))
		s.h.metrics.discarded.Add(float64(len(b)))
		a.toldLocked()
		return true
	}
	s.clock.lastInput, s.clock.warnedIdle = time.Now(), false
	if len(a.staged) == 0 {
		b = b[s.acceptLocked(a, b):]
	}
	if len(a.staged)+len(b) > creditMax {
		return false
	}
	a.staged = append(a.staged, b...)
	return true
}

// acceptLocked passes on as much as the process or the queue takes.
func (s *session) acceptLocked(a *attachment, b []byte) int {
	a.pump.prompt = true
	n := 0
	if s.try != nil && !s.writing {
		echoed := s.echoes()
		n = s.try.tryWrite(b)
		s.rec.Input(b[:n], echoed)
		s.countInputLocked(n)
	}
	n += s.in.push(b[n:])
	a.client.accepted += int64(n)
	a.toldLocked()
	if s.in.len() > 0 && !s.writing {
		s.writing = true
		s.writes.Add(1)
		go s.writeInput()
	}
	return n
}

func (s *session) countInputLocked(n int) {
	s.read += int64(n)
	s.h.metrics.input.Add(float64(n))
}

// writeInput hands the queue to the process, which may take its time, and ends
// when the queue is empty or the process takes no more.
func (s *session) writeInput() {
	defer s.writes.Done()
	var chunk [writeMax]byte
	for {
		s.mu.Lock()
		n := s.in.peek(chunk[:])
		if n == 0 {
			s.writing = false
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		echoed := s.echoes()
		n, err := s.proc.Write(chunk[:n])
		s.rec.Input(chunk[:n], echoed)
		s.mu.Lock()
		s.in.pop(n)
		s.countInputLocked(n)
		if a := s.primary; a != nil {
			s.unstageLocked(a)
			a.roomy()
		}
		if err != nil {
			s.in = inputQueue{}
			s.mu.Unlock()
			return // writing stays set: nothing is taken any more
		}
		s.mu.Unlock()
	}
}

// unstageLocked moves what a connection holds back into the queue's new room.
func (s *session) unstageLocked(a *attachment) {
	n := s.in.push(a.staged)
	if n == 0 {
		return
	}
	a.client.accepted += int64(n)
	a.staged = a.staged[:copy(a.staged, a.staged[n:])]
	if len(a.staged) == 0 {
		a.staged = nil
	}
	a.toldLocked()
}

// toldLocked makes sure that the client hears of its offset soon.
func (a *attachment) toldLocked() {
	if a.raw {
		return
	}
	if a.tellAt.IsZero() {
		a.tellAt = time.Now().Add(tellWithin)
		a.poke()
	} else if a.client.accepted-a.told >= inputEvery {
		a.poke()
	}
}

// inputRaw is input for a connection of the raw dialect, which knows no
// credit: it waits, and TCP holds the client back.
func (s *session) inputRaw(a *attachment, b []byte) {
	for len(b) > 0 {
		s.mu.Lock()
		if a.gone || s.primary != a || a.readOnly || s.phase != running {
			s.h.metrics.discarded.Add(float64(len(b)))
			s.mu.Unlock()
			return
		}
		s.clock.lastInput, s.clock.warnedIdle = time.Now(), false
		b = b[s.acceptLocked(a, b):]
		s.mu.Unlock()
		if len(b) == 0 {
			return
		}
		select {
		case <-a.room:
		case <-s.drained:
			return
		case <-a.conn.Context().Done():
			return
		}
	}
}
