package procfs

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStatWithAnyName(t *testing.T) {
	const rest = " S 41 42 42 0 -1 4194560 1 2 3 4 70 30 5 6 20 0 1 0 100 1000 10"
	for _, name := range []string{"cat", "a b", "a) R 7", "((("} {
		s, err := parseStat([]byte("43 (" + name + ")" + rest))
		require.NoError(t, err, name)
		require.Equal(t, processStat{state: 'S', parent: 41, user: 70, system: 30}, s, name)
	}
	for _, bad := range []string{"", "43 (cat) S", "43 (cat) S x 42 42 0 -1 4194560 1 2 3 4 70 30"} {
		_, err := parseStat([]byte(bad))
		require.Error(t, err, "%q", bad)
	}
}

func TestMachineTimes(t *testing.T) {
	busy, total, err := parseTimes([]byte("cpu  10 2 3 100 50 1 4 5 9 9\ncpu0 1 1 1 1 1 1 1 1 1 1\n"))
	require.NoError(t, err)
	require.EqualValues(t, 25, busy)
	require.EqualValues(t, 175, total)
	_, _, err = parseTimes([]byte("intr 1 2 3\n"))
	require.Error(t, err)
}

func TestReadsItself(t *testing.T) {
	held := make([]byte, 16<<20)
	for i := range held {
		held[i] = byte(i)
	}
	u, err := Read(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, u.Anon, int64(len(held)))
	require.GreaterOrEqual(t, u.RSS, u.Anon)
	require.GreaterOrEqual(t, u.Peak, u.RSS)
	require.Greater(t, u.Threads, 1)
	require.Greater(t, u.Descriptors, 2)
	require.NotZero(t, held[1])

	start := u.CPU
	for deadline := time.Now().Add(20 * time.Second); u.CPU < start+5*tick; {
		require.True(t, time.Now().Before(deadline), "no CPU time is counted")
		u, err = Read(os.Getpid())
		require.NoError(t, err)
	}
	_, err = Read(1 << 30)
	require.Error(t, err)
}

func TestFindsProcesses(t *testing.T) {
	mark := fmt.Sprintf("procfs-test-%d", os.Getpid())
	cmd := exec.Command("/bin/sh", "-c", "read x", mark)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	require.Equal(t, 1, WithArgument(mark, 0))
	require.Zero(t, WithArgument(mark, cmd.Process.Pid))
	require.Zero(t, Zombies(os.Getpid()))
	require.NoError(t, in.Close())
	require.Eventually(t, func() bool { return Zombies(os.Getpid()) == 1 }, 20*time.Second, time.Millisecond)
	require.Zero(t, WithArgument(mark, 0), "a zombie has no command line")
	_ = cmd.Wait()
	require.Zero(t, Zombies(os.Getpid()))
}
