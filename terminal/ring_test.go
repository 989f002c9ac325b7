package terminal

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// slowRing is the obvious reference: the whole stream.
type slowRing struct {
	all  []byte
	keep int
}

func TestRingAgreesWithTheWholeStream(t *testing.T) {
	for _, keep := range []int{1, 1000, 16 << 10, 200 << 10} {
		rnd := rand.New(rand.NewPCG(1, uint64(keep)))
		r, slow := ring{keep: keep}, slowRing{keep: keep}
		for range 2000 {
			want := 1 + rnd.IntN(9000)
			b := r.space(want)
			require.NotEmpty(t, b)
			require.LessOrEqual(t, len(b), want)
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			n := rnd.IntN(len(b) + 1)
			slow.all = append(slow.all, b[:n]...)
			r.commit(n)

			require.EqualValues(t, len(slow.all), r.end)
			require.GreaterOrEqual(t, int(r.end-r.start), min(keep, len(slow.all)), "forgets what it promised to keep")
			off := r.start + rnd.Int64N(r.end-r.start+1)
			got := make([]byte, 1+rnd.IntN(keep+10))
			n = r.copyAt(got, off)
			require.Equal(t, min(len(got), int(r.end-off)), n)
			require.Equal(t, slow.all[off:off+int64(n)], got[:n])
		}
	}
}

func TestRingStartsSmallAndIsBounded(t *testing.T) {
	r := ring{keep: 1 << 20}
	r.commit(len(r.space(100)))
	require.Len(t, r.buf, ringStart)
	for r.end < 4<<20 {
		r.commit(len(r.space(readMax)))
	}
	require.Len(t, r.buf, 1<<20+readMax)
}

// What space hands out is written without the lock, so it must not overlap
// what is still readable.
func TestRingSpaceIsOutsideWhatIsReadable(t *testing.T) {
	r := ring{keep: 8 << 10}
	fill := func(v byte) {
		b := r.space(readMax)
		for i := range b {
			b[i] = v
		}
		r.commit(len(b))
	}
	for range 40 {
		fill('a')
		before := make([]byte, r.end-r.start)
		b := r.space(3000)
		n := r.copyAt(before, r.start)
		kept := append([]byte(nil), before[:n]...)
		for i := range b {
			b[i] = 'X'
		}
		require.Equal(t, n, r.copyAt(before, r.start))
		require.Equal(t, kept, before[:n])
		r.commit(0)
	}
}
