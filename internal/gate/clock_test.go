package gate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The end of a grant is a time of the wall clock. When that is set, the end is
// found out with the next check; how long that is away is not affected.
func TestGrantAfterAStepOfTheWallClock(t *testing.T) {
	const every = 30 * time.Second
	now := time.Now()
	until := now.Add(40 * time.Minute).Round(0)
	for name, c := range map[string]struct {
		step    time.Duration
		wait    time.Duration
		expires bool
	}{
		"none":            {0, every, false},
		"an hour forward": {time.Hour, 0, true},
		"an hour back":    {-time.Hour, every, false},
	} {
		// A wall clock alone: the monotonic reading would belong to no step.
		wait, expires := nextCheck(every, until, now.Round(0).Add(c.step))
		require.Equal(t, c.expires, expires, name)
		require.Equal(t, c.wait, wait, name)
	}
}
