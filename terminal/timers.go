package terminal

import "time"

// warnBefore is how long before a limit ends a session its clients are told.
const warnBefore = time.Minute

// untilEvery is how often the end of a grant is looked at: it is a time of the
// wall clock, which may be set meanwhile.
const untilEvery = time.Minute

// limits are the times after which a session ends by itself; zero is never.
type limits struct {
	idle, lifetime, grace time.Duration
}

// clock is what the limits are measured against. All times carry Go's
// monotonic reading, so that a jump of the wall clock ends nobody's session.
type clock struct {
	started   time.Time
	lastInput time.Time // by a human: output, pings and reattaching do not count
	detached  time.Time // zero while anybody is attached
	until     time.Time // end of the grant; zero is never

	warnedIdle, warnedLife bool
}

// due is what a session's timer has to do.
type due uint8

const (
	dueNothing due = iota
	dueWarnIdle
	dueWarnLifetime
	dueIdle
	dueLifetime
	dueDetached
	dueUntil
)

// next returns what is due now, or dueNothing and when to ask again; the zero
// time means that nothing will become due by itself.
func (l limits) next(c clock, now time.Time) (due, time.Time) {
	var at time.Time
	found := dueNothing
	consider := func(t time.Time, d due) {
		if t.IsZero() || found != dueNothing {
			return
		}
		if !now.Before(t) {
			found = d
			return
		}
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	after := func(base time.Time, d time.Duration) time.Time {
		if d <= 0 || base.IsZero() {
			return time.Time{}
		}
		return base.Add(d)
	}
	consider(c.until, dueUntil)
	consider(after(c.started, l.lifetime), dueLifetime)
	consider(after(c.lastInput, l.idle), dueIdle)
	consider(after(c.detached, l.grace), dueDetached)
	if !c.warnedLife {
		consider(after(c.started, warnAt(l.lifetime)), dueWarnLifetime)
	}
	if !c.warnedIdle {
		consider(after(c.lastInput, warnAt(l.idle)), dueWarnIdle)
	}
	if found != dueNothing {
		return found, time.Time{}
	}
	if !c.until.IsZero() {
		consider(now.Add(untilEvery), dueNothing)
	}
	return dueNothing, at
}

// warnAt is when to warn of a limit: a minute before, or half-way to a limit
// that is shorter than two minutes.
func warnAt(limit time.Duration) time.Duration {
	if limit <= 0 {
		return 0
	}
	return max(limit-warnBefore, limit/2)
}

// left is how many whole seconds remain until a limit, at least one.
func left(limit time.Duration, since, now time.Time) int {
	return max(int(since.Add(limit).Sub(now)/time.Second), 1)
}

// reason is why a session ends when d has become due; empty when it does not.
func (d due) reason() Reason {
	switch d {
	case dueIdle:
		return ReasonIdle
	case dueLifetime:
		return ReasonLifetime
	case dueDetached:
		return ReasonDetached
	case dueUntil:
		return ReasonRevoked
	default:
		return ""
	}
}
