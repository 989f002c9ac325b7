package addresses

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

// All must come to the same decisions.
func TestAllListsAgree(t *testing.T) {
	all := prefixes(300)
	var kept []lookup
	for _, l := range lists {
		contains, err := l.make(all)
		require.NoError(t, err, l.name)
		kept = append(kept, contains)
	}
	inside := 0
	for n := uint64(0); n < 1<<32; n += 99_991 {
		a := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		want := kept[0](a)
		for i, contains := range kept {
			require.Equal(t, want, contains(a), "%s: %s", lists[i].name, a)
		}
		if want {
			inside++
		}
	}
	require.Positive(t, inside)
	for _, p := range all {
		for i, contains := range kept {
			require.True(t, contains(p.Addr()), "%s: %s", lists[i].name, p)
		}
	}
}

func TestCost(t *testing.T) {
	var kept [][]byte
	ns, allocs := cost(1, func() { kept = append(kept[:0], make([]byte, 100)) })
	require.Positive(t, ns)
	require.GreaterOrEqual(t, allocs, 1.0)
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 1_000, 100_000} {
		all := prefixes(n)
		for _, l := range lists {
			b.Run(fmt.Sprintf("%d/%s", n, l.name), func(b *testing.B) {
				contains, err := l.make(all)
				require.NoError(b, err)
				hit := all[n/2].Addr()
				b.ReportAllocs()
				for b.Loop() {
					if !contains(hit) {
						b.Fatal("denied")
					}
				}
			})
		}
	}
}
