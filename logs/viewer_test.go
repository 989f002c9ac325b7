package logs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ringOf is a hub whose memory holds n messages of one line, a second apart,
// the newest a second old.
func ringOf(n int) *hub {
	h := &hub{ring: newRing(1<<20, firstLine), sealer: newSealer(make([]byte, keyBytes), "app"), wake: make(chan struct{})}
	for i := range n {
		var b builder
		b.add([]byte("text"), time.Time{}, Stdout, 4, false)
		s := b.seal(h.ring.next, "c", nil)
		s.at = time.Now().Add(time.Duration(i-n) * time.Second)
		h.ring.add(s)
	}
	return h
}

func TestLagIsTheAgeOfTheOldestLineThatWaits(t *testing.T) {
	t.Parallel()
	v := viewer{hub: ringOf(3)}
	v.placeLocked(v.hub.ring.base, 0)
	require.GreaterOrEqual(t, v.lag(), 3*time.Second)
	require.NotNil(t, v.next().seg)
	require.GreaterOrEqual(t, v.lag(), 2*time.Second)
	require.Less(t, v.lag(), 3*time.Second)
	v.placeLocked(v.hub.ring.end(), 0)
	require.Zero(t, v.lag())
}

func TestViewerEndsBeforeTheLineThatItWasToEndAt(t *testing.T) {
	t.Parallel()
	v := viewer{hub: ringOf(3), until: firstLine + 2}
	v.placeLocked(v.hub.ring.base, 0)
	require.EqualValues(t, firstLine, v.next().seg.first)
	require.EqualValues(t, firstLine+1, v.next().seg.first)
	c := v.next()
	require.True(t, c.end)
	require.ErrorIs(t, c.err, errComplete)
}

func TestNewestMessageAlwaysStays(t *testing.T) {
	t.Parallel()
	r := newRing(10, 1)
	for range 3 {
		var b builder
		b.add([]byte("longer than the ring is"), time.Time{}, Stdout, 23, false)
		s := b.seal(r.next, "c", nil)
		r.add(s)
		require.Same(t, s, r.at(r.base))
		require.EqualValues(t, 1, r.end()-r.base)
		require.Equal(t, r.base, r.near(1), "who has fallen out goes on with at least the newest")
	}
}
