package terminal

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// run is the recorder's goroutine.
func (r *recorder) run() {
	defer close(r.done)
	err := r.write()
	spare := castQueue{}
	for last := false; err == nil && !last; {
		select {
		case <-r.wake:
		case <-r.quit:
		}
		var q castQueue
		q, last = r.take(spare)
		err = r.encode(q)
		spare = castQueue{q.entries[:0], q.bytes[:0]}
		if cap(spare.bytes) > recordBatch { // an idle session keeps little
			spare = castQueue{}
		}
	}
	err = errors.Join(err, r.w.Close())
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failLocked(err)
	}
}

// take empties the queue; last says that nothing will follow.
func (r *recorder) take(spare castQueue) (q castQueue, last bool) {
	r.mu.Lock()
	q, last = r.queue, r.closed
	r.queue = spare
	r.mu.Unlock()
	r.signal()
	return q, last
}

// failLocked ends a recording for good.
func (r *recorder) failLocked(err error) {
	if r.err != nil {
		return
	}
	r.err = fmt.Errorf("terminal: recording: %w", err)
	if n := len(r.queue.bytes); n > 0 {
		r.cfg.lost(n)
	}
	r.queue = castQueue{}
	if !r.closed && r.cfg.policy == RecordStrict {
		err := r.err
		r.tell.Go(func() { r.cfg.failed(err) })
	}
}

// encode writes queued events. At the size cap it takes back the one that
// would pass it, and from then on only says how the session ended.
func (r *recorder) encode(q castQueue) error {
	data := q.bytes
	for _, e := range q.entries {
		p := data[:e.n]
		data = data[e.n:]
		if r.full && e.code != castExit {
			r.cfg.lost(e.n)
			continue
		}
		before := len(r.out)
		r.out = r.enc.event(r.out, e.at, e.code, p)
		if r.over() {
			r.full = true
			r.cfg.lost(e.n)
			r.out = appendCast(r.out[:before], e.at, castMarker,
				fmt.Appendf(nil, "cap: the recording ends at its size cap of %d bytes", r.cfg.max))
			if r.cfg.policy == RecordStrict {
				return errors.Join(errRecordFull, r.write())
			}
		}
		if len(r.out) >= recordBatch {
			if err := r.write(); err != nil {
				return err
			}
		}
	}
	return r.write()
}

func (r *recorder) over() bool {
	return !r.full && r.cfg.max > 0 && r.size+int64(len(r.out)) > r.cfg.max-recordSpare
}

// write empties r.out into the writer. A best-effort recording tries until it
// succeeds or the session ends.
func (r *recorder) write() error {
	failed := false
	for len(r.out) > 0 {
		n, err := r.w.Write(r.out)
		r.size += int64(n)
		r.out = r.out[:copy(r.out, r.out[n:])]
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err == nil {
			continue
		}
		if !failed {
			failed = true
			r.cfg.log.Error("terminal: writing a recording", "err", err)
		}
		select {
		case <-r.quit:
			return err
		default:
		}
		if r.cfg.policy == RecordStrict {
			return err
		}
		select {
		case <-time.After(recordRetry):
		case <-r.quit: // one try more
		}
	}
	return nil
}
