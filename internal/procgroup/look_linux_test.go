package procgroup

import (
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// In the middle of execve a process has no environment to show. It must not be
// taken for a stranger.
func TestMarkIsReadAgainAfterAnExec(t *testing.T) {
	cmd := exec.Command("sleep", "3600")
	require.NoError(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	reads := 0
	r := newProcReader(0)
	r.mark = func(pid int, _ []byte) (string, error) {
		if pid != cmd.Process.Pid {
			return "", nil
		}
		if reads++; reads < 3 {
			return bare, nil
		}
		return "i.a", nil
	}
	assert.Equal(t, []int{cmd.Process.Pid}, r.take().marked["i.a"])
	assert.Equal(t, []int{cmd.Process.Pid}, r.take().marked["i.a"])
	assert.Equal(t, 3, reads, "a mark once found is kept")
}

func TestNoEnvironmentIsBelievedInTheEnd(t *testing.T) {
	cmd := exec.Command("sleep", "3600")
	cmd.Env = []string{}
	require.NoError(t, cmd.Start())
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	reads := 0
	r := newProcReader(0)
	r.mark = func(pid int, buf []byte) (string, error) {
		if pid != cmd.Process.Pid {
			return "", nil
		}
		reads++
		return readMark(pid, buf)
	}
	r.take()
	first := reads
	assert.Greater(t, first, 1)
	r.take()
	assert.Equal(t, first, reads, "and not asked again")
}

// A process that forks and exits behind the reader's back is in no snapshot.
func TestEmptyIsLookedAtTwice(t *testing.T) {
	const leader, member = 1 << 30, 1<<30 + 1 // beyond every pid
	full := newSnapshot([]proc{{pid: member, sid: leader}}, nil)
	empty := newSnapshot(nil, nil)
	looks := []*snapshot{full, empty, full, empty, empty}
	var wg sync.WaitGroup
	defer wg.Wait()
	m := &Manager{}
	m.census.spawn = wg.Go
	m.census.read = func() *snapshot {
		s := looks[0]
		looks = looks[1:]
		return s
	}
	g := newGroup(m, Spec{})
	g.pid = leader
	g.exited(Exit{})
	tree := g.tree()
	for i, want := range []int{1, 1, 0} {
		got, _ := tree.look()
		assert.Equal(t, want, got, "look %d", i)
	}
	assert.Empty(t, looks)
}
