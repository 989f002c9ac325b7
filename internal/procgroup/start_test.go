package procgroup_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExitIsReported(t *testing.T) {
	m := newManager(t, procgroup.Config{})
	for _, tc := range []struct {
		script string
		want   procgroup.Exit
	}{
		{"exit 0", procgroup.Exit{}},
		{"exit 7", procgroup.Exit{Code: 7}},
		{"exit 255", procgroup.Exit{Code: 255}},
		{"kill -KILL $$", procgroup.Exit{Code: -1, Signal: syscall.SIGKILL}},
		{"kill -SEGV $$", procgroup.Exit{Code: -1, Signal: syscall.SIGSEGV}},
	} {
		t.Run(tc.script, func(t *testing.T) {
			g := start(t, m, command("sh", "-c", tc.script))
			awaitDone(t, g)
			assert.Equal(t, tc.want, g.Exit())
			assert.Zero(t, end(t, g))
			assert.ErrorIs(t, g.Signal(syscall.SIGTERM), os.ErrProcessDone)
		})
	}
}

func TestSignalReachesTheCommand(t *testing.T) {
	m := newManager(t, procgroup.Config{})
	g := start(t, m, command("sleep", "3600"))
	require.NoError(t, g.Signal(syscall.SIGUSR1))
	awaitDone(t, g)
	assert.Equal(t, syscall.SIGUSR1, g.Exit().Signal)
	assert.Zero(t, end(t, g))
}

// Reading a pipe to its end after the command has exited must not lose what is
// in it, which is what happens when somebody waits for the command first.
func TestPipeStaysReadableUntilEnd(t *testing.T) {
	m := newManager(t, procgroup.Config{})
	s := command("sh", "-c", "printf 0123456789")
	out, err := s.Cmd.StdoutPipe()
	require.NoError(t, err)
	g := start(t, m, s)
	awaitDone(t, g)
	b, err := io.ReadAll(out)
	require.NoError(t, err)
	assert.Equal(t, "0123456789", string(b))
	assert.Zero(t, end(t, g))
	_, err = out.Read(make([]byte, 1))
	assert.ErrorIs(t, err, os.ErrClosed, "End closes the pipes of the command")
}

func TestCopiedOutputIsCompleteAfterEnd(t *testing.T) {
	m := newManager(t, procgroup.Config{})
	s := command("head", "-c", "300000", "/dev/zero")
	var out bytes.Buffer
	s.Cmd.Stdout = &out
	g := start(t, m, s)
	awaitDone(t, g)
	assert.Zero(t, end(t, g))
	assert.Equal(t, 300000, out.Len())
}

func TestStartErrorNamesTheFault(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(file, []byte("not executable"), 0o600))
	orphanScript := filepath.Join(dir, "script")
	require.NoError(t, os.WriteFile(orphanScript, []byte("#!/nonexistent/interpreter\n"), 0o700))
	m := newManager(t, procgroup.Config{})

	for _, tc := range []struct {
		name, path, dir string
		fault           procgroup.Fault
		named           string
		is              error
	}{
		{"no such program", "/nonexistent/program", "", procgroup.FaultCommand, "/nonexistent/program", os.ErrNotExist},
		{"not in PATH", "no-such-program-anywhere", "", procgroup.FaultCommand, "no-such-program-anywhere", exec.ErrNotFound},
		{"not executable", file, "", procgroup.FaultCommand, file, os.ErrPermission},
		{"a directory", dir, "", procgroup.FaultCommand, dir, os.ErrPermission},
		{"no interpreter", orphanScript, "", procgroup.FaultCommand, orphanScript, os.ErrNotExist},
		{"no such directory", "/bin/sh", "/nonexistent/dir", procgroup.FaultDir, "/nonexistent/dir", os.ErrNotExist},
		{"directory is a file", "/bin/sh", file, procgroup.FaultDir, file, syscall.ENOTDIR},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := command(tc.path)
			s.Cmd.Dir = tc.dir
			_, err := m.Start(t.Context(), s)
			var se *procgroup.StartError
			require.ErrorAs(t, err, &se)
			assert.Equal(t, tc.fault, se.Fault)
			assert.Equal(t, tc.named, se.Path)
			assert.ErrorIs(t, err, tc.is)
			assert.ErrorContains(t, err, tc.named)
			assert.NotErrorIs(t, err, procgroup.ErrExhausted)
		})
	}
}

func TestSpawnLimit(t *testing.T) {
	m := newManager(t, procgroup.Config{SpawnLimit: 1})
	release := procgroup.HoldSlot(m)
	defer release()

	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, err := m.Start(ctx, command("true"))
	assert.ErrorIs(t, err, procgroup.ErrExhausted, "no slot in time is a machine at its limit")
	assert.ErrorIs(t, err, context.DeadlineExceeded)

	gone, leave := context.WithCancel(t.Context())
	leave()
	_, err = m.Start(gone, command("true"))
	assert.ErrorIs(t, err, context.Canceled)
	assert.NotErrorIs(t, err, procgroup.ErrExhausted, "a caller that left is not")
}

func TestClose(t *testing.T) {
	m, err := procgroup.New(procgroup.Config{StateDir: t.TempDir()})
	require.NoError(t, err)
	g := start(t, m, command("sleep", "3600"))
	require.NoError(t, m.Close())
	require.NoError(t, m.Close())
	awaitDone(t, g)
	assert.Zero(t, end(t, g), "End after Close has its answer")
	_, err = m.Start(t.Context(), command("true"))
	assert.ErrorIs(t, err, procgroup.ErrClosed)
	_, err = m.Orphans(t.Context())
	assert.ErrorIs(t, err, procgroup.ErrClosed)
}

func TestConfigValidate(t *testing.T) {
	require.NoError(t, procgroup.Config{}.Validate())
	require.NoError(t, procgroup.Config{Cgroup: "-"}.Validate())
	require.NoError(t, procgroup.Config{Cgroup: "/sys/fs/cgroup/x"}.Validate())
	assert.ErrorContains(t, procgroup.Config{Cgroup: "relative"}.Validate(), "Cgroup")
	_, err := procgroup.New(procgroup.Config{Cgroup: "relative"})
	assert.ErrorContains(t, err, "Cgroup")
	_, err = procgroup.New(procgroup.Config{StateDir: "/proc/nowhere/at/all"})
	assert.ErrorContains(t, err, "StateDir")
}

func TestExitBeforeTheEnd(t *testing.T) {
	m := newManager(t, procgroup.Config{})
	g := start(t, m, command("sleep", "3600"))
	assert.Equal(t, -1, g.Exit().Code)
	assert.Error(t, g.Exit().Err)
	assert.Zero(t, end(t, g))
	assert.Equal(t, procgroup.Exit{Code: -1, Signal: syscall.SIGTERM}, g.Exit())
}
