package terminal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLimits(t *testing.T) {
	t0 := time.Now()
	at := func(d time.Duration) time.Time { return t0.Add(d) }
	l := limits{idle: 8 * time.Hour, lifetime: 24 * time.Hour, grace: 30 * time.Minute}
	fresh := clock{started: t0, lastInput: t0}
	with := func(f func(*clock)) clock { c := fresh; f(&c); return c }
	for _, c := range []struct {
		name string
		l    limits
		c    clock
		now  time.Duration
		want due
		next time.Time
	}{
		{"fresh: the idle warning is next", l, fresh, 0, dueNothing, at(8*time.Hour - time.Minute)},
		{"warn of idle", l, fresh, 8*time.Hour - time.Minute, dueWarnIdle, time.Time{}},
		{"warned: idle is next", l, with(func(c *clock) { c.warnedIdle = true }), 8*time.Hour - time.Second, dueNothing, at(8 * time.Hour)},
		{"idle", l, with(func(c *clock) { c.warnedIdle = true }), 8 * time.Hour, dueIdle, time.Time{}},
		{"a key postpones it", l, with(func(c *clock) { c.lastInput = at(7 * time.Hour) }), 8 * time.Hour, dueNothing, at(15*time.Hour - time.Minute)},
		{"warn of the greatest age", l, with(func(c *clock) { c.lastInput = at(23 * time.Hour) }), 24*time.Hour - time.Minute, dueWarnLifetime, time.Time{}},
		{"the greatest age", l, with(func(c *clock) { c.lastInput = at(23 * time.Hour); c.warnedLife = true }), 24 * time.Hour, dueLifetime, time.Time{}},
		{"detached: the grace is next", l, with(func(c *clock) { c.detached = at(time.Hour) }), time.Hour, dueNothing, at(90 * time.Minute)},
		{"nobody came back", l, with(func(c *clock) { c.detached = at(time.Hour) }), 90 * time.Minute, dueDetached, time.Time{}},
		{"the grant ends before all else", l, with(func(c *clock) { c.until = at(time.Hour); c.detached = t0 }), time.Hour, dueUntil, time.Time{}},
		{"the wall clock may be set before a grant ends", l, with(func(c *clock) { c.until = at(time.Hour).Round(0) }), 0, dueNothing, at(untilEvery)},
		{"a short limit warns half-way", limits{idle: 10 * time.Second}, fresh, 5 * time.Second, dueWarnIdle, time.Time{}},
		{"no limits", limits{}, with(func(c *clock) { c.detached = t0 }), 1000 * time.Hour, dueNothing, time.Time{}},
	} {
		d, next := c.l.next(c.c, at(c.now))
		require.Equal(t, c.want, d, c.name)
		require.True(t, c.next.Equal(next), "%s: %v", c.name, next.Sub(t0))
	}
}

func TestDueReasons(t *testing.T) {
	want := map[due]Reason{dueIdle: ReasonIdle, dueLifetime: ReasonLifetime, dueDetached: ReasonDetached, dueUntil: ReasonRevoked}
	for d := dueNothing; d <= dueUntil; d++ {
		require.Equal(t, want[d], d.reason())
	}
}

func TestSecondsLeft(t *testing.T) {
	t0 := time.Now()
	require.Equal(t, 60, left(time.Hour, t0, t0.Add(59*time.Minute)))
	require.Equal(t, 1, left(time.Hour, t0, t0.Add(2*time.Hour)))
}
