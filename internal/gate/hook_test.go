package gate_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/gate"
)

// A ClientIP that panics is our fault, not the client's.
func TestPanickingClientIP(t *testing.T) {
	g := newGuard(t, gate.GuardConfig{
		Authorize: allow, ClientIP: func(*http.Request) (netip.Addr, error) { panic("host bug") },
	})
	_, err := g.Admit(request("GET", "127.0.0.1", local), gate.Resource{})
	require.Equal(t, 500, status(err))
	assert.ErrorContains(t, err, "ClientIP panicked: host bug")
}

func TestCaughtLeavesOtherErrorsAlone(t *testing.T) {
	call := func(f func() error) (err error) {
		defer gate.Caught("Hook", &err)
		return f()
	}
	require.NoError(t, call(func() error { return nil }))
	require.Equal(t, gate.ErrDenied, call(func() error { return gate.ErrDenied }))
	var fault *gate.HookError
	require.ErrorAs(t, call(func() error { panic(gate.ErrDenied) }), &fault)
	require.Equal(t, gate.ErrDenied, fault.Value)
	require.NotErrorIs(t, fault, gate.ErrDenied, "a panic is no verdict")
}
