package procgroup_test

import (
	"context"
	"errors"
	"os/exec"
	"testing"

	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/require"
)

func TestStartAndEnd(t *testing.T) {
	m, err := procgroup.New(procgroup.Config{})
	require.NoError(t, err)
	g, err := m.Start(context.Background(), procgroup.Spec{Cmd: exec.Command("sleep", "60")})
	require.NoError(t, err)
	n, err := g.End(context.Background())
	require.NoError(t, err)
	require.Zero(t, n)
	<-g.Done()
	require.Equal(t, -1, g.Exit().Code)
	require.NoError(t, m.Close())
}

func TestMissingDirectoryIsNamed(t *testing.T) {
	m, err := procgroup.New(procgroup.Config{})
	require.NoError(t, err)
	cmd := exec.Command("sleep", "60")
	cmd.Dir = "/nonexistent/dir"
	_, err = m.Start(context.Background(), procgroup.Spec{Cmd: cmd})
	var se *procgroup.StartError
	require.True(t, errors.As(err, &se))
	require.Equal(t, procgroup.FaultDir, se.Fault)
	require.NoError(t, m.Close())
}
