package logs

import (
	"sync"
	"time"
)

// flushAfter is how long lines of a source that never flushes are held.
const flushAfter = time.Millisecond

// hubSink is where the one reader of a source puts its lines: they are encoded
// as they come, and published in segments.
type hubSink struct {
	h *hub

	mu    sync.Mutex // guards all below against the timer
	b     builder
	pos   Position
	timer *time.Timer
	armed bool
	last  time.Time   // when a segment was published
	held  [2]heldLine // with Redact: beginnings of lines, by stream
}

const (
	// pacePerViewer is how much time there is between two messages for each
	// viewer that they go to, and paceMost the most of it. A message costs
	// some ten microseconds a viewer, whatever is in it.
	pacePerViewer = 40 * time.Microsecond
	paceMost      = 20 * time.Millisecond
)

// paceFor is the least time between the messages of a log that is being written
// all the time. The first after a rest never waits.
func paceFor(viewers int) time.Duration {
	return min(time.Duration(viewers)*pacePerViewer, paceMost)
}

// wholeLines is a Sink that says whether it has a use for unfinished lines. A
// source that can read a line again had better keep the rest to itself then:
// what comes between two halves may be another file's.
type wholeLines interface{ wholeOnly() bool }

func (s *hubSink) wholeOnly() bool { return s.h.redact != nil }

// heldLine is the beginning of a line that Redact has to see whole.
type heldLine struct {
	text   []byte
	length int64
}

func newHubSink(h *hub, from Position) *hubSink {
	s := &hubSink{h: h, pos: append(Position(nil), from...)}
	if h.redact != nil {
		s.b.redact = h.redacted
	}
	s.timer = time.AfterFunc(time.Hour, s.tick)
	s.timer.Stop()
	return s
}

func (s *hubSink) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
	s.publishLocked()
}

// Line takes a whole line.
func (s *hubSink) Line(b []byte, at time.Time, stream Stream, pos Position) error {
	return s.Fragment(b, at, stream, int64(len(b)), false, pos)
}

// Fragment takes a line of any kind.
func (s *hubSink) Fragment(b []byte, at time.Time, stream Stream, length int64, more bool, pos Position) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.h.redact != nil {
		h := &s.held[stream&1]
		if more || h.length > 0 {
			h.add(b, length)
			if more {
				return nil
			}
			b, length = h.text, h.length
			defer h.reset()
		}
	}
	s.addLocked(b, at, stream, length, more, pos)
	return nil
}

// add keeps as much of a line as is ever shown.
func (h *heldLine) add(b []byte, length int64) {
	h.text = append(h.text, b[:min(len(b), max(0, maxLine+redactAhead-len(h.text)))]...)
	h.length += length
}

func (h *heldLine) reset() { *h = heldLine{} }

func (s *hubSink) addLocked(b []byte, at time.Time, stream Stream, length int64, more bool, pos Position) {
	if !s.b.fits(len(b)) {
		s.publishLocked()
	}
	if s.b.empty() {
		s.armLocked(max(flushAfter, s.earlyLocked(time.Now())))
	}
	s.b.add(b, at, stream, length, more)
	if pos != nil {
		s.pos = append(s.pos[:0], pos...)
	}
	if s.b.full() {
		s.publishLocked()
	}
}

// Note publishes an event after the lines before it.
func (s *hubSink) Note(n Note) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.publishLocked()
	if n.Pos != nil {
		s.pos = append(s.pos[:0], n.Pos...)
	}
	s.h.publishNote(n, s.pos)
	return nil
}

// Flush publishes what there is, at once after a rest, else when it is time.
func (s *hubSink) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.b.empty() {
		return nil
	}
	if early := s.earlyLocked(time.Now()); early > 0 {
		s.armLocked(early)
		return nil
	}
	s.publishLocked()
	return nil
}

// earlyLocked is how long the next segment still has to wait for company.
func (s *hubSink) earlyLocked(now time.Time) time.Duration {
	return s.last.Add(paceFor(int(s.h.viewers.Load()))).Sub(now)
}

// armLocked sees to it that what there is is published after d at the latest.
func (s *hubSink) armLocked(d time.Duration) {
	if !s.armed {
		s.armed = true
		s.timer.Reset(d)
	}
}

// stop publishes the rest and leaves no timer behind.
func (s *hubSink) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	s.publishLocked()
}

func (s *hubSink) publishLocked() {
	if s.armed {
		s.armed = false
		s.timer.Stop()
	}
	if !s.b.empty() {
		s.h.publish(&s.b, s.pos)
		s.last = time.Now()
	}
}

// viewSink encodes what one viewer reads from a source's history. Numbering
// begins at next.
type viewSink struct {
	b      builder
	next   int64
	pos    Position
	cursor func(seq int64, pos Position) string
	emit   func(*segment) error
	note   func(Note)     // counts
	count  func(*altered) // likewise
}

// Line takes a whole line.
func (s *viewSink) Line(b []byte, at time.Time, stream Stream, pos Position) error {
	return s.Fragment(b, at, stream, int64(len(b)), false, pos)
}

// Fragment takes a line of any kind.
func (s *viewSink) Fragment(b []byte, at time.Time, stream Stream, length int64, more bool, pos Position) error {
	if !s.b.fits(len(b)) {
		if err := s.Flush(); err != nil {
			return err
		}
	}
	s.b.add(b, at, stream, length, more)
	if pos != nil {
		s.pos = append(s.pos[:0], pos...)
	}
	if s.b.full() {
		return s.Flush()
	}
	return nil
}

// Note sends an event after the lines before it.
func (s *viewSink) Note(n Note) error {
	if err := s.Flush(); err != nil {
		return err
	}
	from := s.cursor(s.next, s.pos)
	if n.Pos != nil {
		s.pos = append(s.pos[:0], n.Pos...)
	}
	s.note(n)
	return s.emit(noteSegment(n, s.next, from, s.cursor(s.next, s.pos), nil))
}

// Flush sends what was collected. The segment is valid until the next call.
func (s *viewSink) Flush() error {
	if s.b.empty() {
		return nil
	}
	s.count(&s.b.altered)
	next := s.next + int64(len(s.b.lines))
	seg := s.b.seal(s.next, s.cursor(next, s.pos), nil)
	s.next = next
	return s.emit(seg)
}

func noteSegment(n Note, seq int64, from, to string, pos Position) *segment {
	if n.Lost != nil {
		return event("gap", gap(from, to, n.Lost.Lines, n.Lost.Bytes, n.Lost.Why), seq, to, pos)
	}
	return event("source", sourceMessage{"source", n.State, safeDetail(n.Detail)}, seq, to, pos)
}
