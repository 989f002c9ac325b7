package terminal_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

func unlimited(c *terminal.Config) {
	c.Limits = terminal.Limits{Total: -1, PerUser: -1, PerAddr: -1, Handshakes: -1}
}

// alive reports whether a process runs: not gone, and no zombie either.
func alive(pid string) bool {
	b, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	state := string(b[strings.LastIndexByte(string(b), ')')+2:])
	return state[0] != 'Z' && state[0] != 'X'
}

// A client that reads nothing does not hold a shutdown up.
func TestShutdownDoesNotWaitForAStalledClient(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := serve(t, shell(`yes`), func(c *terminal.Config) { c.Registerer = reg })
	ws, _, err := s.dial(s.url(), nil) // raw: the sender is stuck in its write
	require.NoError(t, err)
	defer func() { _ = ws.CloseNow() }()
	before := -1.0
	require.Eventually(t, func() bool {
		now := outputBytes(t, reg)
		stuck := now > 0 && now == before
		before = now
		return stuck
	}, patience, 200*time.Millisecond, "the buffers between server and client never fill")
	ctx, cancel := context.WithTimeout(context.Background(), patience/2) // a stuck write takes 15 s
	defer cancel()
	require.NoError(t, s.Shutdown(ctx))
	require.NoError(t, ctx.Err())
	require.Empty(t, sessions(s.Handler))
}

// outputBytes is how much the commands have written.
func outputBytes(t *testing.T, reg *prometheus.Registry) float64 {
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "pruvon_terminal_transferred_bytes_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == "output" {
				return m.GetCounter().GetValue()
			}
		}
	}
	require.FailNow(t, "no such series")
	return 0
}
