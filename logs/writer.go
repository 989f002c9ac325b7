package logs

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	defaultKeep = 1 << 20
	lineCost    = 64 // bookkeeping of a kept line, in bytes
)

// Writer is a log that the host program writes itself: an [io.Writer] for
// whole or broken lines, and a [slog.Handler]. It keeps the newest lines in
// memory, so that a viewer sees what happened before it came; a write never
// waits for a viewer and never fails. All methods may be called concurrently.
type Writer struct {
	slog.Handler

	keep  int
	epoch uint64

	mu    sync.Mutex
	sp    splitter
	lines []kept // lines[head:] are kept
	head  int
	bytes int
	first int64 // number of lines[head]
	wake  chan struct{}
}

type kept struct {
	text   []byte
	at     time.Time
	length int64
}

// WriterOption changes how [NewWriter] works.
type WriterOption func(*writerConfig)

type writerConfig struct {
	keep   int
	format func(io.Writer) slog.Handler
}

// Keep is how many bytes of lines are kept in memory. 0 = 1 MiB; negative =
// the newest line only.
func Keep(bytes int) WriterOption {
	return func(c *writerConfig) { c.keep = int(orDefault(int64(bytes), defaultKeep, 0)) }
}

// Format makes the slog.Handler that turns records into lines. Nil or left out:
// [slog.NewTextHandler] from level info on.
func Format(f func(io.Writer) slog.Handler) WriterOption {
	return func(c *writerConfig) {
		if f != nil {
			c.format = f
		}
	}
}

// NewWriter returns a Writer.
//
//	activity := logs.NewWriter()
//	logger := slog.New(activity)
//	cfg.Sources["activity"] = activity
func NewWriter(opts ...WriterOption) *Writer {
	c := writerConfig{
		keep:   defaultKeep,
		format: func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
	}
	for _, o := range opts {
		o(&c)
	}
	w := &Writer{keep: c.keep, epoch: newEpoch(), wake: make(chan struct{}), sp: splitter{max: maxLine + redactAhead}}
	w.Handler = c.format(w)
	return w
}

// Write takes any number of lines. One without its line end is held until that
// comes.
func (w *Writer) Write(p []byte) (int, error) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	added := false
	_ = w.sp.split(p, func(pc piece) error {
		added = true
		w.lines = append(w.lines, kept{append([]byte(nil), pc.text...), now, pc.length})
		w.bytes += len(pc.text) + lineCost
		return nil
	})
	if !added {
		return len(p), nil
	}
	for w.bytes > w.keep && len(w.lines)-w.head > 1 {
		w.bytes -= len(w.lines[w.head].text) + lineCost
		w.lines[w.head] = kept{}
		w.head++
		w.first++
	}
	if w.head > 64 && w.head*2 > len(w.lines) {
		n := copy(w.lines, w.lines[w.head:])
		clear(w.lines[n:])
		w.lines, w.head = w.lines[:n], 0
	}
	close(w.wake)
	w.wake = make(chan struct{})
	return len(p), nil
}

// position is the place before line number n.
func (w *Writer) position(n int64) Position {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 16), w.epoch)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

// number is the line that a position stands before; not ok if it was written in
// another life of the program.
func (w *Writer) number(p Position) (int64, bool) {
	if len(p) != 16 || binary.BigEndian.Uint64(p) != w.epoch {
		return 0, false
	}
	return int64(binary.BigEndian.Uint64(p[8:])), true
}

// batch copies the lines from number n on, a message's worth, and says where
// they begin, where all of them end, and what to wait for.
func (w *Writer) batch(n int64) (lines []kept, first, end int64, wake <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	end = w.first + int64(len(w.lines)-w.head)
	first = min(max(n, w.first), end)
	from := w.head + int(first-w.first)
	lines = append(lines, w.lines[from:min(len(w.lines), from+maxSegmentLines)]...)
	return lines, first, end, w.wake
}

// send sends lines from number n up to end (-1: all there are) and returns the
// number after the last.
func (w *Writer) send(n, end int64, out Sink) (int64, <-chan struct{}, error) {
	for {
		lines, first, last, wake := w.batch(n)
		if first > n {
			if err := out.Note(Note{Lost: &Lost{Lines: first - n, Bytes: -1, Why: GapEvicted}, Pos: w.position(first)}); err != nil {
				return n, nil, err
			}
			n = first
		}
		if len(lines) == 0 || end >= 0 && n >= end {
			return n, wake, nil
		}
		for _, l := range lines {
			if end >= 0 && n >= end {
				return n, wake, nil
			}
			n++
			var err error
			if l.length > int64(len(l.text)) {
				err = out.Fragment(l.text, l.at, Stdout, l.length, false, w.position(n))
			} else {
				err = out.Line(l.text, l.at, Stdout, w.position(n))
			}
			if err != nil {
				return n, nil, err
			}
		}
		if n == last {
			return n, wake, nil
		}
	}
}

// restarted is the hole between two lives of the program.
func restarted() Note { return Note{Lost: &Lost{Lines: -1, Bytes: -1, Why: GapRestart}} }

// Follow sends what is written after from.
func (w *Writer) Follow(ctx context.Context, from Position, out Sink) error {
	n, ok := w.number(from)
	if !ok {
		if from != nil {
			if err := out.Note(restarted()); err != nil {
				return err
			}
		} else {
			_, _, n, _ = w.batch(0)
		}
	}
	for {
		var wake <-chan struct{}
		var err error
		if n, wake, err = w.send(n, -1, out); err != nil {
			return err
		}
		if err := out.Flush(); err != nil {
			return err
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Tail sends the last n lines before a position.
func (w *Writer) Tail(_ context.Context, n int, before Position, out Sink) (Position, error) {
	_, first, end, _ := w.batch(0)
	if b, ok := w.number(before); ok {
		end = min(end, b)
	}
	_, _, err := w.send(max(first, end-int64(n)), end, out)
	return w.position(end), err
}

// Range sends the lines between two positions.
func (w *Writer) Range(_ context.Context, from, to Position, out Sink) error {
	_, start, end, _ := w.batch(0)
	if from != nil {
		n, ok := w.number(from)
		if !ok {
			if err := out.Note(restarted()); err != nil {
				return err
			}
			n = start
		}
		start = n
	}
	if n, ok := w.number(to); ok {
		end = n
	}
	_, _, err := w.send(start, end, out)
	return err
}
