package procgroup_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWaitingCostsNoThreadAndOneDescriptor(t *testing.T) {
	n, token := full(1000), newToken(t)
	host := startHost(t, "many", nil, nil, strconv.Itoa(n), token)
	var threads, fds int
	_, err := fmt.Sscan(strings.Join(host.until(t, "ready"), " "), &threads, &fds)
	require.NoError(t, err)
	t.Logf("%d groups: %d threads, %d descriptors", n, threads, fds)
	assert.LessOrEqual(t, threads, 16)
	assert.LessOrEqual(t, fds, n+8)
	eventually(t, "all run", func() bool { return len(animals(token)) == n })
	require.NoError(t, host.stdin.Close())
	host.rest(t)
	assert.Empty(t, animals(token))
}

// Many endings at once share their looks at /proc.
func TestAllEndTogether(t *testing.T) {
	for _, h := range holders {
		t.Run(h.name, func(t *testing.T) {
			m := newManager(t, procgroup.Config{Cgroup: h.cgroup})
			n, token := full(1000), newToken(t)
			groups := make([]*procgroup.Group, n)
			for i := range groups {
				s := command("sh", "-c", "sleep "+token+" & setsid sleep "+token)
				groups[i] = start(t, m, s)
			}
			eventually(t, "all run", func() bool { return len(animals(token)) == 2*n })
			begun := time.Now()
			var wg sync.WaitGroup
			for _, g := range groups {
				wg.Go(func() { assert.Zero(t, end(t, g)) })
			}
			wg.Wait()
			t.Logf("%d groups of 3 processes ended in %v", n, time.Since(begun))
			assert.Empty(t, animals(token))
		})
	}
}

func TestConcurrentEndsShareOne(t *testing.T) {
	m := newManager(t, quick(""))
	g := start(t, m, command("sh", "-c", "trap '' TERM; sleep 3600 & wait; wait"))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { assert.Zero(t, end(t, g)) })
	}
	wg.Wait()
	assert.Zero(t, end(t, g), "and once more")
}

func TestEndReturnsWhenItsContextEnds(t *testing.T) {
	m := newManager(t, procgroup.Config{TermGrace: time.Hour})
	g := start(t, m, command("sh", "-c", "trap '' TERM; echo; while :; do sleep 1; done"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := g.End(ctx)
	assert.ErrorIs(t, err, context.Canceled)

	// An hour of grace, and a caller who has less: it is killed in time.
	ctx, cancel = context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, _ = g.End(ctx)
	assert.Zero(t, end(t, g))
}

func TestDescriptorsAndChildrenComeBack(t *testing.T) {
	for _, h := range holders {
		t.Run(h.name, func(t *testing.T) {
			m := newManager(t, procgroup.Config{Cgroup: h.cgroup, StateDir: t.TempDir()})
			assert.Zero(t, end(t, start(t, m, command("true")))) // opens what is shared
			before := count("/proc/self/fd")
			for i := range full(1000) {
				s := command("true")
				switch i % 4 {
				case 1:
					s = command("sleep", "3600")
				case 2:
					s.Cmd.Dir = "/nonexistent"
				case 3:
					s.Cmd.Path = "/nonexistent"
				}
				out, err := s.Cmd.StdoutPipe()
				require.NoError(t, err)
				defer runtime.KeepAlive(out) // a collector may not do our work
				if g, err := m.Start(t.Context(), s); err == nil {
					assert.Zero(t, end(t, g))
				}
			}
			assert.Equal(t, before, count("/proc/self/fd"))
			assert.Empty(t, procgroup.Traces(t, m), "records and cgroups")
			children, err := os.ReadFile("/proc/self/task/" + strconv.Itoa(os.Getpid()) + "/children")
			require.NoError(t, err)
			assert.Empty(t, strings.Fields(string(children)), "no zombies")
		})
	}
}

func TestExhaustedDescriptors(t *testing.T) {
	token := newToken(t)
	host := startHost(t, "exhaust", nil, []string{"prlimit", "--nofile=60"}, token)
	said := strings.Join(host.until(t, "ready"), "\n")
	assert.Regexp(t, `^true true .*too many open files`, said)
	eventually(t, "it works again", func() bool { return len(animals(token)) == 1 })
	require.NoError(t, host.stdin.Close())
	host.rest(t)
}
