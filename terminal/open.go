package terminal

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// open answers a hello: with a new session, or with the one it names.
func (a *attachment) open(ctx context.Context, m hello) {
	a.clientID, a.viewOnly = m.Client, a.viewOnly || m.Mode == "view"
	a.flow.window = a.set.windowFor(m.Window)
	if m.Session == "" {
		if a.viewOnly {
			a.violate("watching needs a session")
			return
		}
		a.start(ctx, Size{Cols: m.Cols, Rows: m.Rows})
		return
	}
	a.prep.release()
	s := a.h.reg.get(m.Session)
	if s == nil || s.name != a.name {
		a.notFound()
		return
	}
	a.res = gate.Resource{Name: a.name, ID: s.id, Action: gate.ActionAttach}
	if a.viewOnly {
		a.res.Action = gate.ActionView
	}
	acc, err := a.h.guard.Recheck(a.r, a.res)
	if err != nil {
		a.denied(err)
		return
	}
	a.mu.Lock()
	a.who.Access = acc
	a.mu.Unlock()
	a.readOnly = a.readOnly || acc.ReadOnly || a.viewOnly
	if s.owner.User != acc.User && !acc.Admin {
		a.h.audit(s, "denied", a.who, "not-found", "a session of somebody else")
		a.notFound()
		return
	}
	if m.Offset != nil && !s.reachable(*m.Offset) {
		a.violate("offset beyond the stream")
		return
	}
	s.attach(a, m.Offset, false)
	a.opened(ctx)
	s.settle(a, Size{Cols: m.Cols, Rows: m.Rows})
}

// openRaw starts the session of a connection in the raw dialect.
func (a *attachment) openRaw(ctx context.Context) {
	a.flow.implicit = true
	a.start(ctx, a.prep.size)
}

// start makes a new session and attaches to it.
func (a *attachment) start(ctx context.Context, size Size) {
	if a.prep.err != nil {
		a.startFailed(a.prep.err)
		return
	}
	s := a.h.newSession(a, rand.Text(), size)
	s.release = a.prep.takePlace()
	if !a.h.reg.add(s) {
		s.release()
		a.finish(exitMessage{Type: "exit", Reason: ReasonShutdown, Detail: endDetail(ReasonShutdown), Retryable: true, RetryAfter: 1}, false)
		return
	}
	a.h.remember(s)
	a.h.audit(s, "start", a.who, "", "")
	began := time.Now()
	var p Process
	err := s.openRecord()
	if err == nil {
		p, err = a.prep.spawn(ctx, a, size)
	}
	if err != nil {
		s.closeRecord(Exit{Code: -1}, ReasonStartFailed)
		s.mu.Lock()
		s.phase, _ = s.phase.next(evStartFailed)
		s.mu.Unlock()
		a.h.reg.remove(s)
		s.release()
		a.h.metrics.ends.WithLabelValues(string(ReasonStartFailed)).Inc()
		a.h.audit(s, "end", a.who, string(ReasonStartFailed), "")
		close(s.done)
		a.startFailed(err)
		return
	}
	a.h.metrics.spawn.Observe(time.Since(began).Seconds())
	s.attach(a, nil, true)
	s.begin(p)
	a.opened(ctx)
}

// opened is what follows once the connection is attached.
func (a *attachment) opened(ctx context.Context) {
	a.s.mu.Lock()
	role := a.role // others may be taking it already
	a.s.mu.Unlock()
	a.h.audit(a.s, "attach", a.who, role, "")
	if a.s.rec != nil {
		a.queue(encode(noticeMessage{Type: "notice", Code: "recording", Text: "this session is recorded"}))
	}
	a.unwatch = a.h.guard.Watch(ctx, a.r, a.res, a.who, a.denial)
}

func (a *attachment) notFound() {
	a.finish(exitMessage{Type: "exit", Reason: ReasonDetached, Detail: "no such session: it has ended, or it is not yours"}, false)
}

func (a *attachment) denied(err error) {
	if p := gate.AsProblem(err); p.Status == http.StatusUnauthorized || p.Status == http.StatusForbidden {
		a.h.guard.Audit(context.Background(), gate.Event{
			Kind: "denied", User: a.who.User, Addr: a.who.Addr, Name: a.name, ID: a.res.ID, Outcome: p.Name,
		})
		a.finish(exitMessage{Type: "exit", Reason: ReasonRevoked, Detail: "access denied"}, false)
		return
	}
	a.finish(exitMessage{
		Type: "exit", Reason: ReasonFault, Detail: "whether you may do this cannot be found out now",
		Retryable: true, RetryAfter: 5,
	}, false)
}

func (a *attachment) startFailed(err error) {
	a.h.log.Warn("terminal: start", "name", a.name, "user", a.who.User, "err", err)
	detail, retryable := startDetail(err)
	m := exitMessage{Type: "exit", Reason: ReasonStartFailed, Detail: detail, Retryable: retryable}
	if retryable {
		m.RetryAfter = 5
	}
	a.finish(m, false)
}

// reachable reports whether the stream has come to an offset.
func (s *session) reachable(off int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return off <= s.ring.end
}

// attach makes a connection part of a session. An older connection of the same
// client is fenced off first, so that what ready says of its input is final.
func (s *session) attach(a *attachment, off *int64, fresh bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	a.mu.Lock()
	a.s = s
	a.mu.Unlock()
	s.fenceLocked(a)
	a.client = clientFor(s.clients, a.clientID, now)
	a.client.attached++
	a.told = a.client.accepted
	replay := replayNone
	switch {
	case fresh:
		a.flow.open(0)
	case off != nil && *off >= s.ring.start:
		replay = replayExact
		a.flow.open(*off)
	default:
		replay = replayReset
		a.flow.open(s.ring.end)
		a.resetDue = true
	}
	if !fresh {
		s.h.metrics.resumes.WithLabelValues(replay).Inc()
	}
	a.wantAt = 0
	others := len(s.watched) > 0
	s.watched = append(s.watched, a)
	s.clock.detached = time.Time{}
	if !fresh && s.owner.User == a.who.User {
		s.clock.until = a.who.Until
		if s.phase == running {
			s.armLocked()
		}
	}
	s.claimLocked(a)
	a.countRoleLocked()
	m := encode(readyMessage{
		Type: "ready", Session: s.id, Offset: a.flow.sent, Input: a.client.accepted, Replay: replay,
		Role: a.role, Window: a.flow.window, Cols: s.size.Cols, Rows: s.size.Rows,
	})
	a.queue(m)
	if others {
		s.watchersLocked()
	}
	if s.phase == ended || s.phase == ending && s.exit.Type != "" {
		a.finish(s.exit, s.reason != ReasonRevoked)
	}
	a.poke()
	s.wakeReader()
}

// fenceLocked cuts off the client's older connection.
func (s *session) fenceLocked(a *attachment) {
	if a.clientID == "" {
		return
	}
	i := slices.IndexFunc(s.watched, func(o *attachment) bool {
		return o.clientID == a.clientID && o.who.User == a.who.User
	})
	if i < 0 {
		return
	}
	old := s.watched[i]
	s.detachLocked(old)
	old.finish(exitMessage{Type: "exit", Reason: ReasonReplaced, Detail: "the same client has connected again"}, false)
}

// claimLocked gives a new connection the primary's place if it is free. What
// was taken over while the client was away stays with who took it.
func (s *session) claimLocked(a *attachment) {
	if s.primary != nil || a.viewOnly || s.owner.User != a.who.User {
		return
	}
	s.primary, s.primaryClient = a, a.clientID
	for _, o := range s.watched {
		if o != a {
			o.roleDue = true
			o.poke()
		}
	}
}

// detach takes a lost connection out of its session.
func (a *attachment) detach() {
	a.mu.Lock()
	s := a.s
	a.mu.Unlock()
	if s == nil {
		return
	}
	s.mu.Lock()
	was := !a.gone
	if was {
		s.detachLocked(a)
		if len(s.watched) > 0 {
			s.watchersLocked()
		}
	}
	over := s.phase == ended && !s.unseenLocked()
	s.mu.Unlock()
	if over {
		s.seen()
	}
	if was {
		s.h.audit(s, "detach", a.who, "", "")
	}
	if a.raw {
		s.end(context.Background(), ReasonDetached)
	}
}

// seen drops a session that lingered for its last output. One whose processes
// are still being ended does that by itself.
func (s *session) seen() {
	select {
	case <-s.done:
		s.forget()
		s.h.reg.remove(s)
	default:
	}
}

func (s *session) detachLocked(a *attachment) {
	a.gone = true
	a.staged = nil
	a.client.attached--
	s.dropLocked(a)
	s.h.metrics.attachments.WithLabelValues(a.role).Dec()
	if s.primary == a {
		s.primary = nil
		s.acked = a.flow.acked
		for _, o := range s.watched {
			o.roleDue = true
			o.poke()
		}
	}
	if len(s.watched) == 0 {
		s.clock.detached = time.Now()
		if s.phase == running {
			s.armLocked()
		}
	}
	s.wakeReader()
}

// startDetail is what a client may know of a failed start.
func startDetail(err error) (detail string, retryable bool) {
	var p *gate.Problem
	if errors.As(err, &p) {
		return p.Detail, p.RetryAfter > 0
	}
	return spawnDetail(err)
}
