package procgroup

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// A fakeTree has members that go a while after one of the signals. The look
// finds those that are there; known knows what the look found.
type fakeTree struct {
	dies  map[syscall.Signal]time.Duration // how long after it; absent = never
	gone  time.Time                        // when the members are gone; zero = not yet known
	born  []time.Duration                  // after the begin, another member turns up
	begun time.Time
	found bool

	sent  []sent
	looks int
}

type sent struct {
	sig syscall.Signal
	at  time.Duration
}

func (f *fakeTree) alive() bool { return f.gone.IsZero() || time.Now().Before(f.gone) }

func (f *fakeTree) look() (int, int) {
	f.looks++
	if f.begun.IsZero() {
		f.begun = time.Now()
	}
	if !f.alive() && len(f.born) > 0 && time.Since(f.begun) >= f.born[0] {
		f.born, f.gone = f.born[1:], time.Time{}
	}
	f.found = f.alive()
	if f.found {
		return 1, 0
	}
	return 0, 0
}

func (f *fakeTree) known() bool {
	f.found = f.found && f.alive()
	return f.found
}

func (f *fakeTree) signal(sig syscall.Signal) {
	f.sent = append(f.sent, sent{sig, time.Since(f.begun)})
	if d, ok := f.dies[sig]; ok && f.alive() && f.gone.IsZero() {
		f.gone = time.Now().Add(d)
	}
}

func never() time.Time { return time.Time{} }

func TestDescend(t *testing.T) {
	const (
		hup, term, kill = syscall.SIGHUP, syscall.SIGTERM, syscall.SIGKILL
		ms              = time.Millisecond
	)
	ladder := Config{}.withDefaults().steps(true)
	for _, tc := range []struct {
		name   string
		tree   fakeTree
		steps  []step
		killBy time.Duration // after the begin; 0 = never
		sent   []sent
		took   time.Duration
		left   int
	}{
		{"goes at the hangup", fakeTree{dies: map[syscall.Signal]time.Duration{hup: 0}}, ladder, 0, []sent{{hup, 0}}, 0, 0},
		{"ignores the hangup", fakeTree{dies: map[syscall.Signal]time.Duration{term: 0}}, ladder, 0, []sent{{hup, 0}, {term, 500 * ms}}, 500 * ms, 0},
		{"ignores both", fakeTree{dies: map[syscall.Signal]time.Duration{kill: 0}}, ladder, 0, []sent{{hup, 0}, {term, 500 * ms}, {kill, 1500 * ms}}, 1500 * ms, 0},
		{"a deadline cuts the graces", fakeTree{dies: map[syscall.Signal]time.Duration{kill: 0}}, ladder, 200 * ms, []sent{{hup, 0}, {term, 200 * ms}, {kill, 200 * ms}}, 200 * ms, 0},
		{"graces off", fakeTree{dies: map[syscall.Signal]time.Duration{kill: 0}}, Config{HangupGrace: -1, TermGrace: -1}.withDefaults().steps(true), 0, []sent{{hup, 0}, {term, 0}, {kill, 0}}, 0, 0},
		{"without a terminal", fakeTree{dies: map[syscall.Signal]time.Duration{term: 0}}, Config{}.withDefaults().steps(false), 0, []sent{{term, 0}}, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				killBy := never
				if tc.killBy > 0 {
					killBy = func() time.Time { return begin.Add(tc.killBy) }
				}
				left, _ := descend(&tc.tree, tc.steps, killBy)
				assert.Equal(t, tc.left, left)
				assert.Equal(t, tc.sent, tc.tree.sent)
				assert.Equal(t, tc.took, time.Since(begin))
			})
		})
	}
}

func TestDescendSignalsNewcomersWithinTheGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTree{
			dies: map[syscall.Signal]time.Duration{syscall.SIGTERM: 5 * time.Millisecond},
			born: []time.Duration{0, 0},
		}
		left, _ := descend(f, Config{}.withDefaults().steps(false), never)
		assert.Zero(t, left)
		assert.Len(t, f.sent, 3, "each generation got SIGTERM")
		for _, s := range f.sent {
			assert.Equal(t, syscall.SIGTERM, s.sig)
		}
	})
}

func TestDescendGivesUpAndCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTree{}
		begin := time.Now()
		left, _ := descend(f, Config{}.withDefaults().steps(false), never)
		assert.Equal(t, 1, left)
		assert.Equal(t, defaultTermGrace+defaultKillWait, time.Since(begin))
		assert.Greater(t, len(f.sent), 10, "SIGKILL is repeated, for what is being forked")
		assert.Less(t, f.looks, 200)
	})
}

func TestDescendNoticesACallerInAHurry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeTree{dies: map[syscall.Signal]time.Duration{syscall.SIGKILL: 0}}
		begin := time.Now()
		descend(f, Config{TermGrace: time.Hour}.withDefaults().steps(false), func() time.Time {
			if time.Since(begin) < time.Minute {
				return time.Time{}
			}
			return begin.Add(time.Minute + time.Second)
		})
		assert.Equal(t, time.Minute+time.Second, time.Since(begin))
	})
}

func TestKillBefore(t *testing.T) {
	now := time.Now()
	for d, want := range map[time.Duration]time.Duration{
		10 * time.Second:       9500 * time.Millisecond,
		600 * time.Millisecond: 300 * time.Millisecond,
		0:                      0,
		-time.Second:           -time.Second,
	} {
		assert.Equal(t, want, killBefore(now.Add(d), now).Sub(now))
	}
}
