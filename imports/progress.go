package imports

import (
	"math"
	"time"
)

const (
	// rateOver is the time constant of the rate's moving average.
	rateOver = 15 * time.Second
	// etaAfter and etaFrom are what must have passed before an ETA means
	// something.
	etaAfter = 5 * time.Second
	etaFrom  = 0.01
	// progressEvery is the time between two progress messages.
	progressEvery = 500 * time.Millisecond
)

// meter turns counted bytes into a rate, a percentage and an ETA. It is pure:
// whoever owns it passes the time in.
type meter struct {
	total   int64 // -1 unknown
	stall   time.Duration
	started time.Time

	stored  int64
	at      time.Time // of the last sample
	moved   time.Time // when input or output last moved
	rate    float64   // bytes a second
	settled bool      // rate holds at least one sample
}

func newMeter(total int64, stall time.Duration, now time.Time) *meter {
	return &meter{total: total, stall: stall, started: now, at: now, moved: now}
}

// sample takes the count at a time. Output counts as movement too: an index
// build reads nothing for minutes and is not stuck.
func (m *meter) sample(now time.Time, stored int64, output bool) {
	dt := now.Sub(m.at).Seconds()
	if dt <= 0 {
		return
	}
	current := float64(stored-m.stored) / dt
	// The weight grows from a plain average since the start towards the
	// moving one, so that the first seconds are not pulled down from zero.
	weight := 1 - math.Exp(-dt/rateOver.Seconds())
	if since := now.Sub(m.started).Seconds(); since < rateOver.Seconds() {
		weight = max(weight, dt/since)
	}
	if !m.settled {
		weight, m.settled = 1, true
	}
	m.rate += weight * (current - m.rate)
	if stored != m.stored || output {
		m.moved = now
	}
	m.stored, m.at = stored, now
}

func (m *meter) stalled(now time.Time) bool { return m.stall > 0 && now.Sub(m.moved) >= m.stall }

// view reports the numbers. Done input has neither a percentage nor an ETA:
// what remains (indexes, constraints) cannot be read off the input.
func (m *meter) view(now time.Time, finalizing bool) Progress {
	p := Progress{Stored: m.stored, Rate: math.Round(m.rate), Stalled: m.stalled(now)}
	if p.Rate < 1 {
		p.Rate = 0
	}
	if m.total < 0 {
		return p
	}
	total := m.total
	p.Total = &total
	if finalizing || total == 0 {
		return p
	}
	part := min(float64(m.stored)/float64(total), 1)
	percent := min(math.Floor(part*1000)/10, 99.9)
	p.Percent = &percent
	if left := total - m.stored; left > 0 && m.rate >= 1 && part >= etaFrom && now.Sub(m.started) >= etaAfter && !p.Stalled {
		eta := math.Ceil(float64(left) / m.rate)
		p.ETA = &eta
	}
	return p
}

// rebase starts over with a host's own numbers.
func (m *meter) rebase(total int64, now time.Time) {
	*m = *newMeter(total, m.stall, now)
}
