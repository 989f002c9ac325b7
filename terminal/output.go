package terminal

import "time"

// readFloor is the least room that is worth a read.
const readFloor = 1 << 10

// readOutput moves the process's output into the ring until it ends. It stops
// reading where the policy says so; the process then blocks in its write.
func (s *session) readOutput() {
	defer close(s.drained)
	size := readMin
	for {
		s.rec.Wait()
		buf := s.readSpace(size)
		if buf == nil {
			return
		}
		n, err := s.proc.Read(buf)
		if n > 0 {
			s.commit(buf[:n])
			size = nextRead(size, n)
		}
		if err != nil {
			// On Linux the end of a pty's output is EIO, not EOF.
			return
		}
	}
}

// readSpace waits until the terminal may be read and returns where to. Nil
// ends the reading.
func (s *session) readSpace(size int) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed {
		room := s.policyLocked().limit() - s.ring.end
		if room >= readFloor {
			s.unblockLocked()
			return s.ring.space(int(min(int64(size), room)))
		}
		if s.stopped.IsZero() {
			s.stopped = time.Now()
			if s.primary != nil {
				s.primary.poke() // what it waits to be joined by will not come
			}
		}
		s.mu.Unlock()
		<-s.readc
		s.mu.Lock()
	}
	s.unblockLocked()
	return nil
}

func (s *session) unblockLocked() {
	if !s.stopped.IsZero() {
		s.h.metrics.blocked.Add(time.Since(s.stopped).Seconds())
		s.stopped = time.Time{}
	}
}

func (s *session) policyLocked() readPolicy {
	p := readPolicy{
		draining: s.phase == draining, watched: len(s.watched) > 0,
		acked: s.acked, discard: s.set.discard, keep: s.set.keep,
	}
	if s.primary != nil {
		p.primary = &s.primary.flow
	}
	return p
}

// commit makes bytes that have been read part of the stream.
func (s *session) commit(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ring.commit(len(b))
	s.h.metrics.output.Add(float64(len(b)))
	s.track.Write(b)
	s.rec.Output(b)
	for _, a := range s.watched {
		if s.ring.end >= a.wantAt {
			a.poke()
		}
	}
}

// wakeReader makes the reader look at the policy again.
func (s *session) wakeReader() {
	select {
	case s.readc <- struct{}{}:
	default:
	}
}

func (s *session) stopReading() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.rec.Release()
	s.wakeReader()
}
