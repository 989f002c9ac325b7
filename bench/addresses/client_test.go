package addresses

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// All must find the same client, or the comparison compares nothing.
func TestAllFindTheSameClient(t *testing.T) {
	for _, v := range values {
		for _, c := range clients {
			find, err := c.make()
			require.NoError(t, err, c.name)
			require.Equal(t, v.want, find(request(v.xff)).String(), "%s: %s", v.name, c.name)
		}
	}
}

func BenchmarkClientIP(b *testing.B) {
	for _, v := range values {
		for _, c := range clients {
			b.Run(v.name+"/"+c.name, func(b *testing.B) {
				find, err := c.make()
				require.NoError(b, err)
				r := request(v.xff)
				b.ReportAllocs()
				for b.Loop() {
					find(r)
				}
			})
		}
	}
}
