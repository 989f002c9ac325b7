package imports

import (
	"context"
	"errors"
	"time"
)

// drainMargin is what is left of a shutdown's deadline when imports that still
// run are interrupted: enough to end their processes and write that down.
const drainMargin = 5 * time.Second

// Shutdown takes no new imports, lets uploads in flight and running imports
// end until 5 s before ctx's deadline, then interrupts the rest: their process
// trees are ended and their outcome is "interrupted". What is queued stays
// queued for the next start. Watchers are told (1001). It returns when nothing
// of the Handler is left, or ctx's error with what still is.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	h.queue.closed = true
	h.mu.Unlock()
	h.stop()
	drain, cancel := ctx, context.CancelFunc(func() {})
	if deadline, ok := ctx.Deadline(); ok {
		drain, cancel = context.WithDeadline(ctx, deadline.Add(-drainMargin))
	}
	defer cancel()
	if !h.drained(drain) {
		h.interrupt()
		if !h.drained(ctx) {
			return errors.Join(ctx.Err(), errors.New("imports: something is still running"))
		}
	}
	h.releaseOnce.Do(func() { h.releaseErr = h.release(ctx) })
	return h.releaseErr
}

// drained waits until no import runs and no upload is received.
func (h *Handler) drained(ctx context.Context) bool {
	idle := make(chan struct{})
	go func() {
		h.running.Wait()
		for _, done := range h.receiving() {
			<-done
		}
		close(idle)
	}()
	select {
	case <-idle:
		return true
	case <-ctx.Done():
		return false
	}
}

func (h *Handler) receiving() (dones []<-chan struct{}) {
	for _, j := range h.list("", Access{Admin: true}) {
		j.mu.Lock()
		if j.receiver != nil {
			dones = append(dones, j.receiver.done)
		}
		j.mu.Unlock()
	}
	return dones
}

// interrupt ends what would not end by itself in time.
func (h *Handler) interrupt() {
	for _, j := range h.list("", Access{Admin: true}) {
		j.mu.Lock()
		live, receiver := j.live, j.receiver
		j.mu.Unlock()
		if receiver != nil {
			receiver.stop(errShutdown)
		}
		if live != nil {
			live.cancel(errShutdown)
		}
	}
}

// release gives back what New took.
func (h *Handler) release(ctx context.Context) error {
	var errs []error
	h.watchers.shutdown()
	h.sweeping.Wait()
	if h.procs != nil {
		errs = append(errs, h.procs.Close())
	}
	for _, j := range h.list("", Access{Admin: true}) {
		errs = append(errs, j.log.settle())
	}
	if h.guard != nil {
		errs = append(errs, h.guard.Shutdown(ctx))
	}
	if h.lock != nil {
		errs = append(errs, h.lock.Close())
	}
	return errors.Join(errs...)
}

// closing reports whether new imports are refused.
func (h *Handler) closing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.closed
}
