package gate

import (
	"context"
	"log/slog"
	"sync"
)

// auditQueue is how many events may wait for a slow hook before the control
// path (never the data path) waits with them.
const auditQueue = 4096

// auditor hands events to the host's hook, one at a time and in order.
type auditor struct {
	hook func(context.Context, Event)
	log  *slog.Logger
	done chan struct{}

	mu     sync.RWMutex // guards closed against sends on queue
	closed bool
	queue  chan Event
}

func newAuditor(hook func(context.Context, Event), log *slog.Logger) *auditor {
	a := &auditor{hook: hook, log: log, done: make(chan struct{}), queue: make(chan Event, auditQueue)}
	go a.run()
	return a
}

func (a *auditor) run() {
	defer close(a.done)
	for e := range a.queue {
		a.call(e)
	}
}

func (a *auditor) call(e Event) {
	defer Logged("Audit", a.log)
	a.hook(context.Background(), e)
}

func (a *auditor) emit(ctx context.Context, e Event) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.closed {
		a.log.Warn("audit event after shutdown", "kind", e.Kind, "name", e.Name, "id", e.ID)
		return
	}
	select {
	case a.queue <- e:
	case <-ctx.Done():
		a.log.Error("audit event lost: the hook is stuck", "kind", e.Kind, "name", e.Name, "id", e.ID)
	}
}

// shutdown hands over what is queued and ends the goroutine.
func (a *auditor) shutdown(ctx context.Context) error {
	a.mu.Lock()
	if !a.closed {
		a.closed = true
		close(a.queue)
	}
	a.mu.Unlock()
	select {
	case <-a.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
