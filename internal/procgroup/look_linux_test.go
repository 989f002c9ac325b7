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
	full := newSnapshot([]proc{{pid: absent + 1, sid: absent}}, nil)
	empty := newSnapshot(nil, nil)
	looks := []*snapshot{full, empty, full, empty, empty}
	tree := lookingAt(t, &looks)
	for i, want := range []int{1, 1, 0} {
		got, _ := tree.look()
		assert.Equal(t, want, got, "look %d", i)
	}
	assert.Empty(t, looks)
}

// A snapshot that ran out of descriptors says nothing about what it lacks.
func TestAPartialSnapshotIsNotEmpty(t *testing.T) {
	partial, empty := newSnapshot(nil, nil), newSnapshot(nil, nil)
	partial.partial = true
	looks := []*snapshot{partial, empty}
	tree := lookingAt(t, &looks)
	got, _ := tree.look()
	assert.Equal(t, 1, got)
	got, _ = tree.look()
	assert.Zero(t, got)
}

// lookingAt returns the tree of a group whose command has exited and whose
// looks find, one after the other, what is in looks.
func lookingAt(t *testing.T, looks *[]*snapshot) tree {
	var wg sync.WaitGroup
	t.Cleanup(wg.Wait)
	m := &Manager{}
	m.census.spawn = wg.Go
	m.census.read = func() *snapshot {
		s := (*looks)[0]
		*looks = (*looks)[1:]
		return s
	}
	g := newGroup(m, Spec{})
	g.pid = absent
	g.exited(Exit{})
	return g.tree()
}

// absent is beyond every process number.
const absent = 1 << 30
