package procgroup_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stateConfig is quick with crash recovery.
func stateConfig(state, cgroup string) procgroup.Config {
	c := quick(cgroup)
	c.StateDir = state
	return c
}

func TestNextStartEndsWhatACrashedHostLeft(t *testing.T) {
	for _, h := range holders {
		t.Run(h.name, func(t *testing.T) {
			state, token := t.TempDir(), newToken(t)
			host := startHost(t, "zoo", []string{"STATE=" + state, "CGROUP=" + h.cgroup}, nil, token)
			host.until(t, "ready")
			eventually(t, "the zoo is full", func() bool { return len(animals(token)) == zooSize })

			m := newManager(t, stateConfig(state, h.cgroup))
			n, err := m.Orphans(t.Context())
			require.NoError(t, err)
			assert.Zero(t, n, "the host still holds its lock")
			assert.Len(t, animals(token), zooSize)

			host.crash(t)
			require.NotEmpty(t, animals(token), "the crash ends not all of them")
			n, err = m.Orphans(t.Context())
			require.NoError(t, err)
			assert.Positive(t, n)
			assert.Empty(t, animals(token))

			n, err = m.Orphans(t.Context())
			require.NoError(t, err)
			assert.Zero(t, n, "an instance is swept once")
			entries, err := os.ReadDir(state)
			require.NoError(t, err)
			assert.Len(t, entries, 1, "only the living instance is left")
		})
	}
}

func TestNextStartKeepsDaemonsOfAGroupThatKeepsThem(t *testing.T) {
	for _, h := range holders {
		t.Run(h.name, func(t *testing.T) {
			state, token := t.TempDir(), newToken(t)
			host := startHost(t, "zoo", []string{"STATE=" + state, "CGROUP=" + h.cgroup, "KEEP=1"}, nil, token)
			host.until(t, "ready")
			eventually(t, "the zoo is full", func() bool { return len(animals(token)) == zooSize })
			host.crash(t)

			m := newManager(t, stateConfig(state, h.cgroup))
			_, err := m.Orphans(t.Context())
			require.NoError(t, err)
			left := animals(token)
			assert.Len(t, left, 2, "setsid and double fork")
			killAll(t, left)
			eventually(t, "the kept ones are gone", func() bool { return len(animals(token)) == 0 })
		})
	}
}

// A record of another boot or with another start must never lead to a process
// that has the same number by chance.
func TestAStrangerWithTheNumberOfAnOrphanIsNotTouched(t *testing.T) {
	stranger := procgroup.StrangerForTest(t)
	for name, forge := range map[string]func(dir string){
		"other start": func(dir string) { procgroup.ForgeInstance(t, dir, "", stranger.Process.Pid, 1) },
		"other boot": func(dir string) {
			procgroup.ForgeInstance(t, dir, "another boot", stranger.Process.Pid, procgroup.StartOf(stranger.Process.Pid))
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := t.TempDir()
			forge(filepath.Join(state, "instance-FORGED"))
			m := newManager(t, stateConfig(state, "-"))
			n, err := m.Orphans(t.Context())
			require.NoError(t, err)
			assert.Zero(t, n)
			assert.NoError(t, stranger.Process.Signal(procgroup.Probe))
			assert.NoDirExists(t, filepath.Join(state, "instance-FORGED"))
		})
	}
	t.Run("same start is an orphan", func(t *testing.T) {
		state := t.TempDir()
		procgroup.ForgeInstance(t, filepath.Join(state, "instance-FORGED"), "", stranger.Process.Pid, procgroup.StartOf(stranger.Process.Pid))
		m := newManager(t, stateConfig(state, "-"))
		n, err := m.Orphans(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, n, "the forgery is good, so the cases above prove something")
	})
}

func TestACommandDiesWithItsHost(t *testing.T) {
	token := newToken(t)
	host := startHost(t, "death", nil, nil, token)
	host.until(t, "ready")
	eventually(t, "the command runs", func() bool { return len(animals(token)) == 1 })
	host.crash(t)
	eventually(t, "the command has died", func() bool { return len(animals(token)) == 0 })
}

// The thread that the death signal hangs on must outlive every other use of
// the Manager, and no longer.
func TestDeathSignalWaitsForTheHost(t *testing.T) {
	m := newManager(t, procgroup.Config{})
	token := newToken(t)
	var callers sync.WaitGroup
	groups := make([]*procgroup.Group, 4) // the main thread is one that Go does not end
	for i := range groups {
		callers.Go(func() {
			runtime.LockOSThread() // and not unlocked: the thread ends with the goroutine
			s := command("sleep", token)
			s.KillOnParentDeath = true
			g, err := m.Start(t.Context(), s)
			assert.NoError(t, err)
			groups[i] = g
		})
	}
	callers.Wait()
	for range 20 { // what the end of a thread does takes a moment
		awaitDone(t, start(t, m, command("true")))
	}
	for _, g := range groups {
		assert.NoError(t, g.Signal(syscall.SIGTERM), "it has not exited yet")
		awaitDone(t, g)
		assert.Equal(t, syscall.SIGTERM, g.Exit().Signal)
		assert.Zero(t, end(t, g))
	}
}

// Without StateDir a crash leaves empty directories in the cgroup hierarchy,
// which the next one to come removes; a living host keeps its own.
func TestEmptyCgroupsOfACrashedHostAreRemoved(t *testing.T) {
	m := newManager(t, quick(""))
	if !procgroup.HasCgroups(t, m) {
		t.Log("no cgroup can be made here; nothing to see")
		return
	}
	token := newToken(t)
	host := startHost(t, "death", nil, nil, token)
	host.until(t, "ready")
	var pids []string
	eventually(t, "the command runs", func() bool { pids = animals(token); return len(pids) == 1 })
	in, err := os.ReadFile("/proc/" + pids[0] + "/cgroup")
	require.NoError(t, err)
	_, path, found := strings.Cut(string(in), "0::")
	require.True(t, found)
	parent := filepath.Dir(procgroup.CgroupBase(m))
	left := filepath.Join(parent, filepath.Base(filepath.Dir(strings.TrimSpace(path))))
	host.crash(t)
	eventually(t, "the command has died", func() bool { return len(animals(token)) == 0 })
	require.True(t, procgroup.HasCgroups(t, newManager(t, quick(""))))
	assert.NoDirExists(t, left)
	assert.DirExists(t, procgroup.CgroupBase(m))
}
