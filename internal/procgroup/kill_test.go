package procgroup_test

import (
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// killAll ends processes of the test's own.
func killAll(t testing.TB, pids []string) {
	t.Helper()
	for _, s := range pids {
		pid, err := strconv.Atoi(s)
		require.NoError(t, err)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
