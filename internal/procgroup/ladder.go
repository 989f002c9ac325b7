package procgroup

import (
	"syscall"
	"time"
)

// A tree is what an ending works on: the processes of a group, or those that
// a crashed host left.
type tree interface {
	// look finds the members afresh and returns how many there are, and how
	// many more belong to the tree but are to be left alone.
	look() (members, kept int)
	// known reports whether one of the members that look found last is still
	// alive. It is cheap and does not find new ones.
	known() bool
	// signal sends sig to the members that look found last, and after another
	// signal than SIGKILL also SIGCONT, without which a stopped process would
	// not act on it.
	signal(sig syscall.Signal)
}

// A step sends one signal and waits for its effect.
type step struct {
	sig   syscall.Signal
	grace time.Duration
}

// steps is the ladder. SIGHUP means "your terminal is gone" only to what has a
// terminal; to a daemon it means "read your configuration again".
func (c Config) steps(terminal bool) []step {
	s := []step{
		{syscall.SIGHUP, c.HangupGrace},
		{syscall.SIGTERM, c.TermGrace},
		{syscall.SIGKILL, c.KillWait},
	}
	if !terminal {
		return s[1:]
	}
	return s
}

const (
	firstPause = time.Millisecond
	lastPause  = 25 * time.Millisecond
	// killRound is how long killed processes get before the tree is looked at
	// again: members that forked while they were being killed have children
	// that the last look could not see.
	killRound = 40 * time.Millisecond
)

// descend goes down the ladder until a look finds no member, and returns what
// the last look found. killBy is the moment at which the polite steps are over
// whatever their grace, the zero time meaning never; it may move closer while
// descend runs.
func descend(t tree, steps []step, killBy func() time.Time) (left, kept int) {
	left, kept = t.look()
	for _, s := range steps {
		end := time.Now().Add(s.grace)
		for left > 0 {
			t.signal(s.sig)
			settle(t, func() time.Time {
				if s.sig == syscall.SIGKILL {
					return earlier(end, time.Now().Add(killRound))
				}
				return earlier(end, killBy())
			})
			left, kept = t.look()
			if now := time.Now(); !now.Before(end) || s.sig != syscall.SIGKILL && !now.Before(earlier(end, killBy())) {
				break
			}
		}
	}
	return left, kept
}

// settle waits until no known member is alive, but not beyond end, which is
// read anew only where it may move.
func settle(t tree, end func() time.Time) {
	limit := end()
	for pause := firstPause; t.known(); pause = min(2*pause, lastPause) {
		limit = earlier(limit, end())
		rest := time.Until(limit)
		if rest <= 0 {
			return
		}
		time.Sleep(min(pause, rest))
	}
}

// earlier returns the earlier of two moments, of which the zero time is none.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || !a.IsZero() && a.Before(b) {
		return a
	}
	return b
}

// killReserve is how much of a caller's deadline is kept for SIGKILL to work.
const killReserve = 500 * time.Millisecond

// killBefore returns when SIGKILL is due so that an ending is over by deadline.
func killBefore(deadline, now time.Time) time.Time {
	return deadline.Add(-min(killReserve, max(deadline.Sub(now)/2, 0)))
}
