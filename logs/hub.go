package logs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// firstLine is the number of the first line that a hub reads. Lines before it
// that a viewer reads from history have smaller numbers; all stay below the
// 2^53 that JSON readers can count on.
const firstLine = 1 << 40

// hub is one life of a source: one goroutine that reads it, one ring that all
// its viewers read from.
type hub struct {
	name   string
	src    Source
	ranger Ranger // src, if it has a history
	sealer *sealer
	redact func([]byte) []byte
	epoch  uint64
	meter  *logMeter
	log    *slog.Logger

	cancel context.CancelFunc
	fail   context.CancelCauseFunc // ends this life as a fault
	ready  chan struct{}           // closed when the ring has a beginning, or ended is set
	done   chan struct{}           // closed when the goroutine is gone

	mu      sync.Mutex
	ring    ring
	sub     int64         // events since the newest line
	wake    chan struct{} // closed and replaced when there is something new
	ended   bool
	endErr  error
	broken  bool         // owned by the sink: Redact has panicked
	viewers atomic.Int32 // written by the hubs that hold it, under their lock
	linger  *time.Timer  // owned by them
}

// run reads the source until ctx ends or the source does. It waits for after,
// the end of an earlier life: a source is never followed twice at once.
func (h *hub) run(ctx context.Context, after <-chan struct{}) {
	defer close(h.done)
	err := h.follow(ctx, after)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	h.mu.Lock()
	h.ended, h.endErr = true, err
	h.broadcastLocked()
	h.mu.Unlock()
	h.markReady()
}

// failed says whether this life has come to a bad end.
func (h *hub) failed() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended && h.endErr != nil
}

func (h *hub) markReady() {
	select {
	case <-h.ready:
	default:
		close(h.ready)
	}
}

func (h *hub) follow(ctx context.Context, after <-chan struct{}) (err error) {
	defer gate.Caught("Source", &err)
	if after != nil {
		<-after
	}
	var from Position
	if h.ranger != nil {
		if from, err = h.ranger.Tail(ctx, 0, nil, discardSink{}); err != nil {
			return err
		}
		h.mu.Lock()
		h.ring.start = from
		h.ring.from = h.cursorFor(h.ring.next, from)
		h.mu.Unlock()
		h.markReady()
	}
	sink := newHubSink(h, from)
	defer sink.stop()
	return h.src.Follow(ctx, from, sink)
}

// redacted calls the host's Redact, maybe in a goroutine of the source. When it
// panics this life of the source ends: neither that line nor what follows it is
// shown, so that viewers come back to the place before it.
func (h *hub) redacted(text []byte) (out []byte, ok bool) {
	if h.broken {
		return nil, false
	}
	var err error
	defer func() {
		if err != nil {
			h.broken, ok = true, false
			h.fail(err)
		}
	}()
	defer gate.Caught("Redact", &err)
	return h.redact(text), true
}

// cursorFor is the cursor before line number seq at a position.
func (h *hub) cursorFor(seq int64, pos Position) string {
	return h.sealer.seal(cursor{epoch: h.epoch, seq: seq, at: time.Now().UnixMilli(), pos: pos})
}

// publish turns what the sink collected into a segment for all.
func (h *hub) publish(b *builder, pos Position) {
	h.meter.altered(&b.altered)
	next := h.ring.next // only this goroutine and its timer, under the sink's lock, add
	seg := b.seal(next, h.cursorFor(next+int64(len(b.lines)), pos), pos)
	h.meter.read(len(seg.lines), seg.raw)
	h.mu.Lock()
	h.ring.add(seg)
	h.sub = 0
	h.broadcastLocked()
	h.mu.Unlock()
}

func (h *hub) publishNote(n Note, pos Position) {
	h.meter.note(n)
	next := h.ring.next
	h.mu.Lock()
	defer h.mu.Unlock()
	h.sub++
	to := h.sealer.seal(cursor{epoch: h.epoch, seq: next, sub: h.sub, at: time.Now().UnixMilli(), pos: pos})
	seg := noteSegment(n, next, h.newestLocked(), to, append(Position(nil), pos...))
	h.ring.add(seg)
	h.broadcastLocked()
}

// newestLocked is the cursor after everything in the ring.
func (h *hub) newestLocked() string {
	if h.ring.end() > h.ring.base {
		return h.ring.at(h.ring.end() - 1).cursor
	}
	return h.ring.from
}

func (h *hub) broadcastLocked() {
	close(h.wake)
	h.wake = make(chan struct{})
}

// errIdle ends a source that nobody has looked at for a while.
var errIdle = errors.New("no viewers")

// discardSink takes nothing.
type discardSink struct{}

func (discardSink) Line([]byte, time.Time, Stream, Position) error                  { return nil }
func (discardSink) Fragment([]byte, time.Time, Stream, int64, bool, Position) error { return nil }
func (discardSink) Note(Note) error                                                 { return nil }
func (discardSink) Flush() error                                                    { return nil }
