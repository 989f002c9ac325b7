package logs

import (
	"context"
	"sync"
	"time"
)

// hubs holds the sources that are being read, by name. A source starts with
// its first viewer and ends when it has had none for the linger time.
type hubs struct {
	linger time.Duration
	make   func(name string, src Source) *hub
	base   context.Context // ends with the Handler; carries what sources need

	mu     sync.Mutex
	byName map[string]*hub
	ending map[string]*hub // lives that have not come to their end yet
	wg     sync.WaitGroup
	closed bool
}

func newHubs(base context.Context, linger time.Duration, make func(string, Source) *hub) *hubs {
	return &hubs{base: base, linger: linger, make: make, byName: map[string]*hub{}, ending: map[string]*hub{}}
}

// acquire returns the life of a source that is going on, or begins one. Each
// acquire needs a release.
func (s *hubs) acquire(name string, src Source) (*hub, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	h := s.byName[name]
	if h != nil && h.failed() {
		s.drop(h) // its viewers have it to the end; the next one tries again
		h = nil
	}
	if h == nil {
		h = s.make(name, src)
		s.byName[name] = h
		s.start(h)
	}
	h.viewers.Add(1)
	if h.linger != nil {
		h.linger.Stop()
		h.linger = nil
	}
	return h, nil
}

// start runs a hub. The caller holds the lock.
func (s *hubs) start(h *hub) {
	ctx, cancel := context.WithCancelCause(s.base)
	h.cancel, h.fail = func() { cancel(errIdle) }, cancel
	var after <-chan struct{}
	if old := s.ending[h.name]; old != nil {
		after = old.done
	}
	s.ending[h.name] = h
	s.wg.Go(func() {
		h.meter.following(1)
		h.run(ctx, after)
		h.meter.following(-1)
		cancel(nil)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.ending[h.name] == h {
			delete(s.ending, h.name)
		}
	})
}

// release gives a hub back. The last viewer's release starts the linger time.
func (s *hubs) release(h *hub) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.viewers.Add(-1) > 0 {
		return
	}
	if s.linger <= 0 || s.closed {
		s.drop(h)
		return
	}
	var t *time.Timer
	t = time.AfterFunc(s.linger, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if h.linger == t {
			s.drop(h)
		}
	})
	h.linger = t
}

// drop ends a hub's life. The caller holds the lock.
func (s *hubs) drop(h *hub) {
	if h.linger != nil {
		h.linger.Stop()
		h.linger = nil
	}
	h.cancel()
	if s.byName[h.name] == h {
		delete(s.byName, h.name)
	}
}

// shutdown ends every source and waits until nothing of them is left.
func (s *hubs) shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	for _, h := range s.byName {
		s.drop(h)
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
