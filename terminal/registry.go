package terminal

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const (
	// lingerMax bounds how long an ended session keeps its last output and
	// its exit for a client that is on its way back.
	lingerMax = 2 * time.Minute
	// lingerCount bounds how many do.
	lingerCount = 128
)

// registry knows the sessions and the connections.
type registry struct {
	mu       sync.Mutex
	closed   bool
	sessions map[string]*session // running ones and those that linger
	lingers  []*session          // oldest first
	conns    map[*attachment]struct{}
	idle     chan struct{} // closed when closed is set and conns is empty
}

func newRegistry() *registry {
	return &registry{
		sessions: map[string]*session{}, conns: map[*attachment]struct{}{}, idle: make(chan struct{}),
	}
}

// enter admits a connection, unless the handler is shutting down.
func (r *registry) enter(a *attachment) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.conns[a] = struct{}{}
	return true
}

func (r *registry) leave(a *attachment) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, a)
	if r.closed && len(r.conns) == 0 {
		close(r.idle)
	}
}

// add admits a session, unless the handler is shutting down.
func (r *registry) add(s *session) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.sessions[s.id] = s
	return true
}

func (r *registry) get(id string) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[id]
}

func (r *registry) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.removeLocked(s)
}

func (r *registry) removeLocked(s *session) {
	delete(r.sessions, s.id)
	if i := slices.Index(r.lingers, s); i >= 0 {
		r.lingers = slices.Delete(r.lingers, i, i+1)
	}
}

// linger keeps an ended session for a while. Too many push the oldest out.
func (r *registry) linger(s *session) (kept bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		delete(r.sessions, s.id)
		return false
	}
	if len(r.lingers) >= lingerCount {
		oldest := r.lingers[0]
		r.removeLocked(oldest)
		oldest.forget()
	}
	r.lingers = append(r.lingers, s)
	return true
}

// list returns the sessions, oldest first.
func (r *registry) list() []*session {
	r.mu.Lock()
	all := make([]*session, 0, len(r.sessions))
	for _, s := range r.sessions {
		all = append(all, s)
	}
	r.mu.Unlock()
	slices.SortFunc(all, func(a, b *session) int {
		return cmp.Or(a.started.Compare(b.started), cmp.Compare(a.id, b.id))
	})
	return all
}

// connections returns the connections of the moment.
func (r *registry) connections() []*attachment {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]*attachment, 0, len(r.conns))
	for a := range r.conns {
		all = append(all, a)
	}
	return all
}

// close admits nothing any more.
func (r *registry) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	if len(r.conns) == 0 {
		close(r.idle)
	}
	for _, s := range r.lingers {
		delete(r.sessions, s.id)
		s.forget()
	}
	r.lingers = nil
}

// owns reports whether a session of the user exists, which may be resumed even
// where no new one would find room.
func (r *registry) owns(user string, admin bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sessions {
		if admin || s.owner.User == user {
			return true
		}
	}
	return false
}
