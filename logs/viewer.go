package logs

import (
	"context"
	"errors"
	"time"
)

// transport is how messages reach one viewer. Its methods are called by one
// goroutine.
type transport interface {
	// open begins the answer. It is called once, before anything is sent,
	// and when the viewer has its place: whatever is written to the log after
	// the client has seen the answer's head will be delivered.
	open() error
	// send takes a segment; it is not used after the call.
	send(*segment) error
	// flush sees to it that everything sent is on its way.
	flush() error
}

// viewer is one reader of a hub: a place in the ring, and what to leave out.
type viewer struct {
	hub  *hub
	out  transport
	keep *filter // nil: everything
	m    *viewMeter

	heartbeat   time.Duration
	quiet       time.Duration // a source without history is taken to have said all after this; 0: never
	searchTime  time.Duration
	searchBytes int64

	index  int64 // of the next segment in the ring
	skip   int   // lines of it that come before the place
	seq    int64 // number of the next line
	bytes  int64 // bytes of lines before the place, on the ring's account
	cursor string
	pos    Position

	behind bool      // not in the ring yet: history comes first
	until  int64     // number of the line to end before; 0: none
	beaten time.Time // when the last heartbeat went out
	ended  bool      // the filter has seen a line after the query's until
	opened bool      // the answer has begun

	scratch builderScratch
}

// errComplete is why a stream ends that has sent all that was asked for.
var errComplete = errors.New("complete")

// chunk is what a viewer finds at its place.
type chunk struct {
	seg  *segment
	skip int
	gap  *segment
	wait <-chan struct{} // nothing there yet
	end  bool            // nothing will ever be
	err  error
	hist bool // the place has left the ring: target comes from history
	to   Position
	toIx int64
}

// open begins the answer, unless it has begun.
func (v *viewer) open() error {
	if v.opened {
		return nil
	}
	v.opened = true
	return v.out.open()
}

// hello sends the first message.
func (v *viewer) hello(how Resume, cursor string) error {
	if err := v.open(); err != nil {
		return err
	}
	return v.out.send(hello(how, cursor))
}

// placeLocked places the viewer at an index of the ring.
func (v *viewer) placeLocked(index int64, skip int) {
	r := &v.hub.ring
	v.index, v.skip = index, skip
	if index < r.end() {
		s := r.at(index)
		v.seq, v.bytes = s.first+int64(skip), s.before
		for _, l := range s.lines[:skip] {
			v.bytes += int64(l.raw)
		}
	} else {
		v.seq, v.bytes = r.next, r.total
	}
}

// next returns what stands at the viewer's place and moves on past it.
func (v *viewer) next() (c chunk) {
	h := v.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	r := &h.ring
	if v.behind {
		if v.index < r.base {
			return chunk{hist: true, to: r.start, toIx: r.base}
		}
		v.behind = false
		v.placeLocked(v.index, 0)
	}
	if v.index < r.base {
		return chunk{gap: v.fallLocked()}
	}
	if v.until > 0 && v.seq >= v.until {
		return chunk{end: true, err: errComplete}
	}
	if v.index == r.end() {
		if h.ended {
			return chunk{end: true, err: h.endErr}
		}
		return chunk{wait: h.wake}
	}
	s := r.at(v.index)
	c = chunk{seg: s, skip: v.skip}
	v.index++
	v.skip = 0
	v.seq, v.bytes, v.cursor = s.next(), s.before+s.raw, s.cursor
	return c
}

// fallLocked moves a viewer that the ring has left behind to a place near the
// newest lines, a quarter of the ring away, and says what it missed.
func (v *viewer) fallLocked() *segment {
	r := &v.hub.ring
	from, seq, bytes := v.cursor, v.seq, v.bytes
	v.placeLocked(r.near(r.max/4), 0)
	to := r.from
	if v.index > r.base {
		to = r.at(v.index - 1).cursor
	}
	v.cursor = to
	v.m.gap(GapSlow, v.seq-seq)
	return event("gap", gap(from, to, v.seq-seq, v.bytes-bytes, GapSlow), v.seq, to, nil)
}

// lag is how long the oldest line that this viewer has not been sent has been
// waiting.
func (v *viewer) lag() time.Duration {
	h := v.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	index := max(v.index, h.ring.base)
	if index >= h.ring.end() {
		return 0
	}
	return time.Since(h.ring.at(index).at)
}

// run sends until the source ends, everything asked for is sent, a write fails
// or ctx ends. It never holds lines back: it sends what there is, and flushes
// when there is no more.
func (v *viewer) run(ctx context.Context) error {
	var beat <-chan time.Time
	if v.heartbeat > 0 {
		t := time.NewTicker(v.heartbeat)
		defer t.Stop()
		beat = t.C
	}
	for {
		c := v.next()
		switch {
		case c.hist:
			if err := v.history(ctx, c.to, c.toIx); err != nil {
				return err
			}
		case c.gap != nil:
			if err := v.out.send(c.gap); err != nil {
				return err
			}
		case c.seg != nil:
			if err := v.sendSegment(c.seg, c.skip); err != nil {
				return err
			}
			if v.ended {
				return errComplete
			}
		case c.end:
			return errors.Join(v.out.flush(), endOf(c.err))
		default:
			if err := v.out.flush(); err != nil {
				return err
			}
			select {
			case <-c.wait:
			case <-quietAfter(v.quiet):
				return errComplete
			case <-beat:
				if err := v.beat(); err != nil {
					return err
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
			continue
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-beat:
			if err := v.beat(); err != nil {
				return err
			}
		default:
		}
	}
}

// quietAfter is a timer, or none.
func quietAfter(d time.Duration) <-chan time.Time {
	if d <= 0 {
		return nil
	}
	return time.After(d)
}

// sourceEnd is why a stream ends whose source has ended.
type sourceEnd struct{ err error }

func (e *sourceEnd) Error() string {
	if e.err == nil {
		return "the source ended"
	}
	return "the source failed: " + e.err.Error()
}

func (e *sourceEnd) Unwrap() error { return e.err }

func endOf(err error) error {
	if errors.Is(err, errComplete) || errors.Is(err, errClosed) {
		return err
	}
	return &sourceEnd{err}
}

func (v *viewer) beat() error {
	lag := v.lag()
	v.beaten = time.Now()
	v.m.lag(lag)
	err := v.out.send(event("heartbeat", heartbeatMessage{"heartbeat", v.seq, v.cursor, lag.Milliseconds()}, v.seq, v.cursor, nil))
	return errors.Join(err, v.out.flush())
}

// sendSegment sends a segment without its first skip lines and without what
// the filter leaves out.
func (v *viewer) sendSegment(s *segment, skip int) error {
	if len(s.lines) > 0 && (skip > 0 || v.keep != nil) {
		if s = v.scratch.pick(s, skip, v.keep); s == nil {
			v.ended = v.keep != nil && v.keep.past
			return nil
		}
		v.ended = v.keep != nil && v.keep.past
	}
	if err := v.out.send(s); err != nil {
		return err
	}
	v.m.sent(len(s.lines), len(s.buf))
	return nil
}

// history sends what the source has between the viewer's place and the ring,
// and joins the ring there. If the ring has moved on meanwhile, next says so
// and it goes round again.
func (v *viewer) history(ctx context.Context, to Position, index int64) error {
	sink := v.viewSink()
	err := v.hub.ranger.Range(ctx, v.pos, to, sink)
	if err == nil {
		err = sink.Flush()
	}
	if err != nil {
		return v.historyErr(ctx, err)
	}
	v.pos, v.index, v.seq = to, index, sink.next
	return nil
}

func (v *viewer) historyErr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var w *writeError
	if errors.As(err, &w) || errors.Is(err, errComplete) {
		return err
	}
	return &sourceEnd{err}
}

// viewSink is where history goes that this viewer alone reads.
func (v *viewer) viewSink() *viewSink {
	b := builder{reuse: true}
	if redact := v.hub.redact; redact != nil {
		b.redact = func(text []byte) ([]byte, bool) { return redact(text), true }
	}
	return &viewSink{
		b: b, next: v.seq, pos: append(Position(nil), v.pos...),
		cursor: v.hub.cursorFor, note: v.hub.meter.note, count: v.hub.meter.altered,
		emit: func(s *segment) error {
			v.cursor, v.seq = s.cursor, s.next()
			if err := v.sendSegment(s, 0); err != nil {
				return err
			}
			// A long way back of which little is sent must not look dead.
			if v.heartbeat > 0 && time.Since(v.beaten) >= v.heartbeat {
				if err := v.beat(); err != nil {
					return err
				}
			}
			if v.ended {
				return errComplete
			}
			return nil
		},
	}
}

// writeError is a viewer that is gone or takes nothing.
type writeError struct{ err error }

func (e *writeError) Error() string { return "write: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }
