package gate_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/gate"
)

// The limiter knows who is there, not who has ever been.
func TestLimiterForgetsWhoHasGone(t *testing.T) {
	g := newGuard(t, gate.GuardConfig{Authorize: allow})
	for i := range 1000 {
		release, err := g.Reserve(fmt.Sprint("user", i), netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}))
		require.NoError(t, err)
		release()
	}
	users, addrs := g.Remembered()
	assert.Zero(t, users)
	assert.Zero(t, addrs)
}
