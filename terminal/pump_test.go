package terminal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPump(t *testing.T) {
	start := time.Now()
	at := func(us int) time.Time { return start.Add(time.Duration(us) * time.Microsecond) }
	const window = 128 << 10
	for _, c := range []struct {
		name        string
		now         int // µs after the last message
		prompt      bool
		avail, room int64
		stopped     bool
		want        verdict
	}{
		{"nothing", 10, false, 0, window, false, verdict{want: 1}},
		{"no room", 5000, true, 10, 0, true, verdict{want: 1}},
		{"the first after a rest goes at once", 2000, false, 1, window, false, verdict{send: true}},
		{"more soon after waits for company", 100, false, 10, window, false, verdict{want: 48 << 10, at: at(2000)}},
		{"what answers a key does not wait", 100, true, 10, window, false, verdict{send: true}},
		{"three quarters of a frame are company enough", 100, false, 48 << 10, window, false, verdict{send: true}},
		{"two milliseconds are enough", 2000, false, 10, window, false, verdict{send: true}},
		{"nothing more will come", 100, false, 10, window, true, verdict{send: true}},
		{"the window is nearly closed", 100, false, 50 << 10, 1 << 10, false, verdict{want: 98 << 10, at: at(2000)}},
	} {
		p := pump{last: start, prompt: c.prompt}
		require.Equal(t, c.want, p.decide(at(c.now), c.avail, c.room, window, c.stopped), c.name)
	}
}

func TestPumpWithASmallWindowDoesNotWaitForMoreThanItHolds(t *testing.T) {
	now := time.Now()
	p := pump{last: now}
	require.Equal(t, verdict{send: true}, p.decide(now, windowMin*3/8, windowMin, windowMin, false))
}

func TestPumpForgetsThePromptOnceAnswered(t *testing.T) {
	now := time.Now()
	p := pump{prompt: true}
	p.sent(now)
	require.False(t, p.decide(now, 1, 1000, windowDefault, false).send)
}

func TestNextRead(t *testing.T) {
	size := readMin
	for range 10 {
		size = nextRead(size, size)
	}
	require.Equal(t, readMax, size)
	require.Equal(t, readMax, nextRead(readMax, readMax/2))
	for range 10 {
		size = nextRead(size, 1)
	}
	require.Equal(t, readMin, size)
}
