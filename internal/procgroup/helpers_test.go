package procgroup_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/require"
)

// patience bounds every wait of these tests; only a failing one comes near it.
const patience = 20 * time.Second

func newManager(t testing.TB, cfg procgroup.Config) *procgroup.Manager {
	t.Helper()
	m, err := procgroup.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func start(t testing.TB, m *procgroup.Manager, s procgroup.Spec) *procgroup.Group {
	t.Helper()
	g, err := m.Start(t.Context(), s)
	require.NoError(t, err)
	return g
}

func end(t testing.TB, g *procgroup.Group) (survivors int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	n, err := g.End(ctx)
	require.NoError(t, err)
	return n
}

func awaitDone(t testing.TB, g *procgroup.Group) {
	t.Helper()
	select {
	case <-g.Done():
	case <-time.After(patience):
		require.FailNow(t, "the command did not exit")
	}
}

// eventually polls until cond holds.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !cond(); runtime.Gosched() {
		if time.Now().After(limit) {
			require.FailNow(t, "never came true: "+what)
		}
	}
}

// full returns n, or a tenth of it unless the whole suite was asked for.
func full(n int) int {
	if os.Getenv("PRUVON_FULL") == "1" {
		return n
	}
	return n / 10
}

func command(name string, args ...string) procgroup.Spec {
	return procgroup.Spec{Cmd: exec.Command(name, args...), Name: name}
}
