package terminal

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// RecordPolicy says what becomes of a session that cannot be recorded.
type RecordPolicy string

const (
	// RecordBestEffort lets the session go on. What is not recorded is marked
	// as a gap with its size, in its place. The default.
	RecordBestEffort RecordPolicy = "best_effort"
	// RecordStrict refuses a session whose recording cannot be opened, makes
	// its output wait for a recording that is slow, and ends it when writing
	// fails or the size cap is reached.
	RecordStrict RecordPolicy = "strict"
)

func (p RecordPolicy) check(field string) error {
	switch p {
	case "", RecordBestEffort, RecordStrict:
		return nil
	}
	return fmt.Errorf("%sRecordPolicy: unknown value %q", field, string(p))
}

const (
	// recordQueue is how many bytes wait for a slow disk before a recording
	// has a gap or, if it is strict, the session waits.
	recordQueue = 1 << 20
	// recordHardMax ends a strict session whose input alone outruns the disk.
	recordHardMax = 4 * recordQueue
	// recordMaxDefault caps a recording.
	recordMaxDefault = 256 << 20
	// recordSpare of the cap is for the markers at its end.
	recordSpare = 512
	// recordBatch is how much is encoded before it is written.
	recordBatch = 64 << 10
	// recordRetry is how long a failed write waits before the next try.
	recordRetry = time.Second
	// recordCloseMax is how long the end of a session waits for its recording.
	recordCloseMax = 5 * time.Second
)

var (
	errRecordFull = errors.New("the recording has reached its size cap")
	errRecordSlow = errors.New("the recording does not keep up")
)

// recorder writes one session to an asciicast v2 file, off the data path: the
// calls that record only queue, one goroutine encodes and writes. A write that
// fails is tried again from the byte it stopped at, so a disk that was full
// leaves no torn line; what the queue could not hold meanwhile is marked. Its
// methods may be called concurrently and on nil, which records nothing.
type recorder struct {
	w     io.WriteCloser
	cfg   recordConfig
	began time.Time
	wake  chan struct{} // one token: the goroutine has something to do
	room  chan struct{} // one token: something changed for Wait
	quit  chan struct{} // closed by Close: no retry waits any longer
	done  chan struct{}
	tell  sync.WaitGroup // the call of cfg.failed

	mu     sync.Mutex // guards what follows
	queue  castQueue
	lost   int64 // bytes dropped since the last entry
	hidden bool  // input is being kept out
	free   bool  // nobody waits for room any more
	closed bool
	err    error

	size int64 // written; from here on the goroutine's own
	full bool
	enc  castEncoder
	out  []byte
}

// castQueue holds events that wait to be written.
type castQueue struct {
	entries []castEntry
	bytes   []byte // of the entries, in order
}

type castEntry struct {
	at   time.Duration
	code byte
	n    int
}

// castEntrySize is what an event costs beside its bytes.
const castEntrySize = 24

func (q *castQueue) size() int { return len(q.bytes) + castEntrySize*len(q.entries) }

// recordConfig is how a recorder behaves. lost must not block; failed is
// called without locks held, before Close returns.
type recordConfig struct {
	policy RecordPolicy
	max    int64           // bytes; 0 = 256 MiB, negative = no cap
	failed func(error)     // once, when a strict recording ends early
	lost   func(bytes int) // what a gap has swallowed
	log    *slog.Logger
}

func newRecorder(w io.WriteCloser, i Info, cfg recordConfig) *recorder {
	if cfg.max == 0 {
		cfg.max = recordMaxDefault
	}
	r := &recorder{
		w: w, cfg: cfg, began: time.Now(),
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
	r.out = castHeaderOf(i).append(nil)
	go r.run()
	return r
}

// Output records what the program wrote. It does not block.
func (r *recorder) Output(p []byte) { r.record(castOutput, p) }

// Input records what was typed. echoed says whether the program shows it; if
// not, only the fact is recorded, once for a stretch. It does not block.
func (r *recorder) Input(p []byte, echoed bool) {
	if r == nil || len(p) == 0 {
		return
	}
	r.mu.Lock()
	was := r.hidden
	r.hidden = !echoed
	r.mu.Unlock()
	switch {
	case echoed:
		r.record(castInput, p)
	case !was:
		r.record(castMarker, []byte("input hidden: the terminal does not echo"))
	}
}

// Resize records the terminal's size.
func (r *recorder) Resize(s Size) {
	r.record(castResize, fmt.Appendf(nil, "%dx%d", s.Cols, s.Rows))
}

func (r *recorder) record(code byte, p []byte) {
	if r == nil || len(p) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.err != nil {
		return
	}
	strict := r.cfg.policy == RecordStrict
	switch size := r.queue.size() + castEntrySize + len(p); {
	case strict && size > recordHardMax:
		r.failLocked(errRecordSlow)
	case !strict && size > recordQueue:
		r.lost += int64(len(p))
	default:
		r.gapLocked()
		r.addLocked(code, p)
	}
	r.kick()
}

func (r *recorder) addLocked(code byte, p []byte) {
	r.queue.entries = append(r.queue.entries, castEntry{time.Since(r.began), code, len(p)})
	r.queue.bytes = append(r.queue.bytes, p...)
}

// gapLocked puts the mark of what was dropped where it is missing.
func (r *recorder) gapLocked() {
	if r.lost > 0 {
		r.addLocked(castGap, fmt.Appendf(nil, "gap: %d bytes were not recorded", r.lost))
		r.cfg.lost(int(r.lost))
		r.lost = 0
	}
}

func (r *recorder) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Wait blocks while a strict recording has more waiting than it should, or
// has failed: nothing is to be read that would not be recorded. A best-effort
// one never blocks. Release and Close end it.
func (r *recorder) Wait() {
	for r != nil && r.cfg.policy == RecordStrict {
		r.mu.Lock()
		ready := r.free || r.closed || r.err == nil && r.queue.size() < recordQueue
		r.mu.Unlock()
		if ready {
			return
		}
		<-r.room
	}
}

// Release ends a Wait, now and later.
func (r *recorder) Release() {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.free = true
	r.mu.Unlock()
	r.signal()
}

func (r *recorder) signal() {
	select {
	case r.room <- struct{}{}:
	default:
	}
}

// Close marks how the session ended, writes what is waiting and closes the
// writer. A writer that does not take it within five seconds is closed under
// its write. The error says that something is missing.
func (r *recorder) Close(how string) error {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	if !r.closed {
		r.gapLocked()
		r.addLocked(castExit, []byte("exit: "+how))
		r.closed = true
		close(r.quit)
	}
	r.mu.Unlock()
	r.signal()
	defer r.tell.Wait()
	select {
	case <-r.done:
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.err
	case <-time.After(recordCloseMax):
		return errors.Join(errRecordSlow, r.w.Close())
	}
}
