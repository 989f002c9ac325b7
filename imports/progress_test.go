package imports

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var epoch = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time {
	return epoch.Add(time.Duration(seconds * float64(time.Second)))
}

func TestSteadyInput(t *testing.T) {
	m := newMeter(1000, time.Minute, epoch)
	last := -1.0
	for i := 1; i <= 200; i++ {
		now := at(float64(i) / 2)
		m.sample(now, int64(i)*5, false)
		p := m.view(now, false)
		require.InDelta(t, 10, p.Rate, 1)
		require.GreaterOrEqual(t, *p.Percent, last, "never back")
		last = *p.Percent
		require.Less(t, *p.Percent, 100.0, "100 only after success")
		switch {
		case i < 10:
			require.Nil(t, p.ETA, "too early to tell")
		case i < 200:
			require.InDelta(t, 100-float64(i)/2, *p.ETA, 2)
		default:
			require.Nil(t, p.ETA, "nothing is left")
		}
		require.False(t, p.Stalled)
	}
	require.Equal(t, 99.9, last)
}

func TestFinalizingHasNoPercentage(t *testing.T) {
	m := newMeter(100, time.Minute, epoch)
	m.sample(at(10), 100, false)
	p := m.view(at(10), true)
	require.Nil(t, p.Percent)
	require.Nil(t, p.ETA)
	require.EqualValues(t, 100, *p.Total)
}

func TestUnknownTotal(t *testing.T) {
	m := newMeter(-1, time.Minute, epoch)
	m.sample(at(10), 100, false)
	p := m.view(at(10), false)
	require.Nil(t, p.Total)
	require.Nil(t, p.Percent)
	require.Nil(t, p.ETA)
	require.Equal(t, 10.0, p.Rate)
}

func TestStall(t *testing.T) {
	m := newMeter(1000, time.Minute, epoch)
	m.sample(at(10), 500, false)
	for i := 11; i < 70; i++ {
		m.sample(at(float64(i)), 500, false)
	}
	require.False(t, m.view(at(69), false).Stalled)
	m.sample(at(71), 500, false)
	p := m.view(at(71), false)
	require.True(t, p.Stalled)
	require.Nil(t, p.ETA, "no ETA for what does not move")
	m.sample(at(72), 500, true)
	require.False(t, m.view(at(72), false).Stalled, "output is movement")
	off := newMeter(1000, -1, epoch)
	require.False(t, off.view(at(1e6), false).Stalled)
}

// The rate follows a change within its 15 s, and the ETA with it.
func TestRateFollows(t *testing.T) {
	m := newMeter(1_000_000, time.Minute, epoch)
	stored := int64(0)
	for i := 1; i <= 60; i++ {
		stored += 1000
		m.sample(at(float64(i)), stored, false)
	}
	for i := 61; i <= 106; i++ { // three time constants later
		stored += 100
		m.sample(at(float64(i)), stored, false)
	}
	require.InDelta(t, 100, m.view(at(106), false).Rate, 60)
}

func TestClockThatStandsStill(t *testing.T) {
	m := newMeter(100, time.Minute, epoch)
	m.sample(epoch, 50, false)
	m.sample(epoch.Add(-time.Second), 60, false)
	require.Zero(t, m.view(epoch, false).Rate)
}
