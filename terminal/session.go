package terminal

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

const (
	// drainMax caps how long the last output is waited for after the command
	// has exited: a background job may hold the terminal open.
	drainMax = time.Second
	// endMax is how long the process tree has to go in the ordinary case.
	endMax = 10 * time.Second
	// revokeMax is how long it has when access was taken away.
	revokeMax = 900 * time.Millisecond
)

// session is one running process and what its watchers share. It outlives
// their connections.
//
// Two goroutines belong to it: read fills the ring, run waits for the end. A
// third writes input while the command does not take it at once.
type session struct {
	h       *Handler
	id      string
	name    string
	owner   gate.Principal
	set     settings
	started time.Time

	proc    Process
	try     tryWriter     // proc, when it can write without waiting
	rec     *recorder     // nil = not recorded
	release func()        // gives the reserved place back
	endc    chan struct{} // closed when the tree is to be ended
	readc   chan struct{} // wakes read
	drained chan struct{} // closed when read has stopped
	done    chan struct{} // closed when nothing of the session is left
	writes  sync.WaitGroup

	mu      sync.Mutex // guards everything below and the flow of each attachment
	phase   phase
	endCtx  context.Context
	reason  Reason
	exit    exitMessage
	closed  bool // read no more
	clock   clock
	timer   *time.Timer
	ring    ring
	track   *tracker
	read    int64 // bytes of input passed on
	watched []*attachment

	primary       *attachment // sets the pace; may type unless it is read-only
	primaryClient string
	acked         int64 // by the last primary
	stopped       time.Time

	clients map[string]*client
	in      inputQueue
	writing bool

	size     Size
	want     Size
	resizing bool
	linger   *time.Timer
}

func (h *Handler) newSession(a *attachment, id string, size Size) *session {
	now := time.Now()
	s := &session{
		h: h, id: id, name: a.name, owner: a.who, set: a.set, started: now,
		endc: make(chan struct{}), readc: make(chan struct{}, 1),
		drained: make(chan struct{}), done: make(chan struct{}),
		clients: map[string]*client{}, size: size, want: size,
		clock: clock{started: now, lastInput: now, until: a.who.Until},
	}
	s.ring.keep = int(s.set.keep)
	s.track = newTracker(size.Rows)
	return s
}

// begin takes over a started process.
func (s *session) begin(p Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proc = p
	s.try, _ = p.(tryWriter)
	s.phase, _ = s.phase.next(evStarted)
	if s.phase == ending {
		close(s.endc)
	}
	s.h.metrics.sessions.Inc()
	s.timer = time.AfterFunc(time.Hour, s.tick)
	s.armLocked()
	go s.readOutput()
	go s.run()
}

// end makes a session end for a reason. It reports whether this call is what
// ended it.
func (s *session) end(ctx context.Context, r Reason) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	next, ok := s.phase.next(evEnd)
	if !ok {
		return false
	}
	s.reason, s.endCtx = r, ctx
	if s.phase = next; next == ending {
		close(s.endc)
	}
	if r == ReasonRevoked || r == ReasonShutdown {
		// Nobody who has lost access sees another byte, and a shutdown does
		// not wait for slow readers.
		s.exit = exitMessage{Type: "exit", Reason: r, Detail: endDetail(r)}
		for _, a := range s.watched {
			a.finish(s.exit, false)
		}
	}
	return true
}

// run is the end of a session, from its cause to the last bookkeeping.
func (s *session) run() {
	exited, result := watchExit(s.proc)
	got := exitResult{exit: Exit{Code: -1}}
	treeEnded, survivors := false, 0
	select {
	case <-exited:
		got = result()
	case <-s.endc:
		survivors = s.endTree()
		treeEnded = true
		select {
		case <-exited:
			got = result()
		case <-time.After(drainMax):
		}
	}
	s.mu.Lock()
	if s.reason == "" {
		s.reason = ReasonExited
	}
	s.phase, _ = s.phase.next(evExited)
	s.ring.keep += drainRoom
	s.mu.Unlock()
	s.wakeReader()
	select {
	case <-s.drained:
	case <-time.After(drainMax):
	}
	s.stopReading()
	_ = s.proc.Close()
	<-s.drained
	s.writes.Wait()
	s.deliver(got)
	if !treeEnded {
		survivors = s.endTree()
	}
	s.closeRecord(got.exit, s.reason)
	s.finalize(got, survivors)
}

// endTree ends every process of the session and returns how many are left.
func (s *session) endTree() (survivors int) {
	s.mu.Lock()
	parent, r := s.endCtx, s.reason
	s.mu.Unlock()
	limit := endMax
	if r == ReasonRevoked {
		limit = revokeMax
	}
	if parent == nil {
		parent = context.Background()
	}
	ctx, cancel := context.WithTimeout(parent, limit)
	defer cancel()
	n, err := s.proc.End(ctx)
	if ctx.Err() != nil && err != nil {
		// The deadline shortened the graces; the ending itself goes on.
		last, stop := context.WithTimeout(context.Background(), endMax)
		defer stop()
		n, err = s.proc.End(last)
	}
	if err != nil {
		s.h.log.Error("terminal: ending the processes of a session", "name", s.name, "id", s.id, "err", err)
	}
	return n
}

// deliver hands the exit to everybody who watches, behind the last output.
func (s *session) deliver(got exitResult) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, _ = s.phase.next(evDrained)
	s.timer.Stop()
	m := exitMessage{Type: "exit", Reason: s.reason, Detail: endDetail(s.reason)}
	if got.exit.Signal != "" {
		m.Signal = &got.exit.Signal
	} else if got.exit.Code >= 0 {
		m.Code = &got.exit.Code
	}
	if s.reason == ReasonExited {
		m.Detail = exitDetail(got.exit)
	}
	s.exit = m
	for _, a := range s.watched {
		a.finish(m, true)
	}
}

// finalize does the bookkeeping when no process is left.
func (s *session) finalize(got exitResult, survivors int) {
	m := s.h.metrics
	m.sessions.Dec()
	m.survivors.Add(float64(survivors))
	m.ends.WithLabelValues(string(s.reason)).Inc()
	if survivors > 0 {
		s.h.log.Warn("terminal: processes are left of an ended session", "name", s.name, "id", s.id, "survivors", survivors)
	}
	if got.err != nil {
		s.h.log.Warn("terminal: the exit of a command is not known", "name", s.name, "id", s.id, "err", got.err)
	}
	s.mu.Lock()
	out, in := s.ring.end, s.read
	linger := s.unseenLocked() && s.reason != ReasonRevoked
	s.mu.Unlock()
	s.h.audit(s, "end", s.owner, string(s.reason), fmt.Sprintf("%s; %d bytes out, %d in, %s, %d processes left",
		exitDetail(got.exit), out, in, time.Since(s.started).Round(time.Millisecond), survivors))
	if linger && s.h.reg.linger(s) {
		s.mu.Lock()
		s.linger = time.AfterFunc(min(s.set.limits.grace, lingerMax), func() { s.h.reg.remove(s) })
		s.mu.Unlock()
	} else {
		s.h.reg.remove(s)
	}
	s.release()
	close(s.done)
}

// unseenLocked reports whether the primary has not acknowledged everything, so
// that it may have to come back for the rest.
func (s *session) unseenLocked() bool {
	acked := s.acked
	if s.primary != nil {
		acked = s.primary.flow.acked
	}
	return acked < s.ring.end
}

// forget stops the timer of a session that lingered.
func (s *session) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.linger != nil {
		s.linger.Stop()
	}
}

// tick runs when a limit may have been reached.
func (s *session) tick() {
	s.mu.Lock()
	if s.phase != running {
		s.mu.Unlock()
		return
	}
	now := time.Now()
	d, _ := s.set.limits.next(s.clock, now)
	switch d {
	case dueWarnIdle:
		s.clock.warnedIdle = true
		s.noticeLocked("idle", "the session ends soon unless somebody types", left(s.set.limits.idle, s.clock.lastInput, now))
	case dueWarnLifetime:
		s.clock.warnedLife = true
		s.noticeLocked("lifetime", "the session reaches its greatest age soon", left(s.set.limits.lifetime, s.clock.started, now))
	}
	if d.reason() == "" {
		s.armLocked()
	}
	s.mu.Unlock()
	if d == dueUntil && s.renewed(now) {
		return
	}
	if r := d.reason(); r != "" {
		s.end(context.Background(), r)
	}
}

// renewed asks the host once more when a grant runs out: it may have been
// renewed since the last look.
func (s *session) renewed(now time.Time) bool {
	s.mu.Lock()
	i := slices.IndexFunc(s.watched, func(a *attachment) bool { return a.who.User == s.owner.User })
	if i < 0 {
		s.mu.Unlock()
		return false
	}
	a := s.watched[i]
	s.mu.Unlock()
	acc, err := s.h.guard.Recheck(a.r, a.res)
	if err != nil || !acc.Until.IsZero() && !acc.Until.After(now) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clock.until = acc.Until
	if s.phase == running {
		s.armLocked()
	}
	return true
}

// armLocked sets the timer to when a limit may be reached next.
func (s *session) armLocked() {
	d, at := s.set.limits.next(s.clock, time.Now())
	switch {
	case d != dueNothing:
		s.timer.Reset(0)
	case !at.IsZero():
		s.timer.Reset(time.Until(at))
	}
}

func (s *session) noticeLocked(code, text string, seconds int) {
	m := encode(noticeMessage{Type: "notice", Code: code, Text: text, Seconds: seconds})
	for _, a := range s.watched {
		a.queue(m)
	}
}

func (s *session) info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Info{
		ID: s.id, Name: s.name, User: s.owner.User, Addr: s.owner.Addr, Started: s.started, Size: s.size,
		Attached: len(s.watched), Writer: s.writerLocked(), LastInput: s.clock.lastInput,
		KeepDaemons: s.set.KeepDaemons,
	}
}

// live reports whether the session's command may still be running.
func (s *session) live() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase != ended
}

func (s *session) writerLocked() string {
	if s.primary != nil && !s.primary.readOnly {
		return s.primary.who.User
	}
	return ""
}

func (s *session) dropLocked(a *attachment) {
	if i := slices.Index(s.watched, a); i >= 0 {
		s.watched = slices.Delete(s.watched, i, i+1)
	}
}
