package terminal

import (
	"context"
	"errors"
	"time"
)

// farewellMax is how long clients have to answer a close frame at shutdown.
const farewellMax = time.Second

// Shutdown ends every session with its whole process tree, tells every client
// so (exit reason shutdown, close code 1001), and waits until nothing is left.
// When ctx ends first, connections are cut and its error is returned. Since
// net/http's Shutdown ignores hijacked connections (golang/go#17721), call this
// one before it. Later calls wait for the same end.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.reg.close()
	sessions := h.reg.list()
	for _, s := range sessions {
		s.end(ctx, ReasonShutdown)
	}
	bye := exitMessage{
		Type: "exit", Reason: ReasonShutdown, Detail: endDetail(ReasonShutdown), Retryable: true, RetryAfter: 1,
	}
	for _, a := range h.reg.connections() {
		a.finish(bye, false)
	}
	var err error
	for _, s := range sessions {
		select {
		case <-s.done:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	h.farewell(ctx)
	return errors.Join(err, h.close(ctx))
}

// farewell waits for the connections to end and cuts those that do not.
func (h *Handler) farewell(ctx context.Context) {
	late := time.NewTimer(farewellMax)
	defer late.Stop()
	select {
	case <-h.reg.idle:
		return
	case <-late.C:
	case <-ctx.Done():
	}
	for _, a := range h.reg.connections() {
		a.cut()
	}
	<-h.reg.idle
}

// close releases what New has made.
func (h *Handler) close(ctx context.Context) error {
	var errs []error
	if h.procs != nil {
		errs = append(errs, h.procs.Close())
	}
	if h.guard != nil {
		errs = append(errs, h.guard.Shutdown(ctx))
	}
	if h.journal != nil {
		errs = append(errs, h.journal.close())
	}
	return errors.Join(errs...)
}
