package terminal

import (
	"context"
	"fmt"
	"time"
)

// redrawAfter is how long a nudged program sees the other size: two changes at
// once would be one SIGWINCH, and the size that it finds the old one.
const redrawAfter = 50 * time.Millisecond

// take makes a connection the writer, if it may be.
func (s *session) take(ctx context.Context, a *attachment) {
	s.mu.Lock()
	switch {
	case a.readOnly:
		s.mu.Unlock()
		a.queue(encode(noticeMessage{Type: "notice", Code: "read_only", Text: "this connection may only watch"}))
		return
	case a.gone || s.primary == a:
		a.roleDue = true
		a.poke()
		s.mu.Unlock()
		return
	}
	old := s.primary
	if old != nil {
		// What the old writer had on its way is not typed into the new
		// writer's lines; its offsets count it as taken.
		old.client.accepted += int64(len(old.staged))
		s.h.metrics.discarded.Add(float64(len(old.staged)))
		old.staged = nil
		old.toldLocked()
	}
	s.primary, s.primaryClient = a, a.clientID
	for _, o := range s.watched {
		o.countRoleLocked()
		o.roleDue = true
		o.poke()
	}
	s.mu.Unlock()
	s.wakeReader()
	from := ""
	if old != nil {
		from = old.who.User
	}
	s.h.audit(s, "takeover", a.who, "", fmt.Sprintf("from %q", from))
}

// countRoleLocked brings role, and the metrics with it, up to date.
func (a *attachment) countRoleLocked() {
	role := roleViewer
	if a.s.primary == a && !a.readOnly {
		role = roleWriter
	}
	if role == a.role {
		return
	}
	if a.role != "" {
		a.h.metrics.attachments.WithLabelValues(a.role).Dec()
	}
	a.role = role
	a.h.metrics.attachments.WithLabelValues(role).Inc()
}

// watchersLocked tells everybody how many are attached.
func (s *session) watchersLocked() {
	text := "1 connection to this session"
	if n := len(s.watched); n != 1 {
		text = fmt.Sprintf("%d connections to this session", n)
	}
	s.noticeLocked("watchers", text, 0)
}

// resize is a size from a client; only the primary's counts. Sizes that come
// while one is being set are coalesced into the newest.
func (s *session) resize(a *attachment, size Size) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.primary != a || a.gone {
		return
	}
	s.resizeLocked(a, size)
}

func (s *session) resizeLocked(a *attachment, size Size) {
	s.want = size
	if s.resizing || s.proc == nil {
		return
	}
	s.resizing = true
	for s.want != s.size && s.phase == running {
		size := s.want
		s.mu.Unlock()
		err := s.proc.Resize(size)
		s.mu.Lock()
		if err != nil {
			s.want = s.size
			s.h.log.Debug("terminal: resize", "name", s.name, "id", s.id, "err", err)
			break
		}
		s.size = size
		s.track.Resize(size.Rows)
		s.rec.Resize(size)
		for _, o := range s.watched {
			if o != a {
				o.sizeDue = true
				o.poke()
			}
		}
	}
	s.resizing = false
}

// settle gives a session the size of the client that has come back. After a
// reset the program is made to draw its screen anew; a change of size does
// that by itself.
func (s *session) settle(a *attachment, size Size) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.primary != a {
		return
	}
	if size != s.size || !a.resetDue {
		s.resizeLocked(a, size)
		return
	}
	other := Size{Cols: size.Cols, Rows: size.Rows - 1}
	if other.Rows < 1 {
		other.Rows = 2
	}
	p := s.proc
	if s.phase != running || s.resizing || p == nil {
		return
	}
	s.resizing = true
	s.writes.Add(1)
	go func() {
		defer s.writes.Done()
		s.redraw(p, other)
	}()
}

// redraw shows the program another size for a moment.
func (s *session) redraw(p Process, other Size) {
	if p.Resize(other) == nil {
		select {
		case <-time.After(redrawAfter):
		case <-s.drained:
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.resizing = false
	s.size = other
	s.resizeLocked(s.primary, s.want)
}
