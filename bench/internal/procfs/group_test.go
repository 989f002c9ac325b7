package procfs

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGroupCountsDescendants(t *testing.T) {
	// The shell's child has a child: three processes in all.
	cmd := exec.Command("/bin/sh", "-c", `sh -c 'sh -c "read x; exit 0"; exit 0'; exit 0`)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var u Usage
	for end := time.Now().Add(20 * time.Second); ; {
		var n int
		u, n, err = Group(cmd.Process.Pid)
		require.NoError(t, err)
		if n == 3 {
			break
		}
		require.True(t, time.Now().Before(end), "%d processes", n)
	}
	require.GreaterOrEqual(t, u.Threads, 3)
	own, err := Read(cmd.Process.Pid)
	require.NoError(t, err)
	require.Greater(t, u.RSS, own.RSS)
	require.NoError(t, in.Close())
	_ = cmd.Wait()

	_, n, err := Group(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, _, err = Group(1 << 30)
	require.Error(t, err)
}
