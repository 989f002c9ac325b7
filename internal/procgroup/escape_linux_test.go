package procgroup_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A program that forks faster than /proc can be read.
func TestForkingFasterThanLooking(t *testing.T) {
	for _, h := range holders {
		t.Run(h.name, func(t *testing.T) {
			m := newManager(t, quick(h.cgroup))
			token := newToken(t)
			hop := `trap '' HUP TERM; hop() { ((n++ < 500)) || exit; sleep ` + token + ` & (hop) & exit; }; hop`
			g := start(t, m, procgroup.Spec{Cmd: exec.Command("bash", "-c", hop), Name: "hopper"})
			awaitDone(t, g)
			assert.Zero(t, end(t, g))
			assert.Empty(t, animals(token))
		})
	}
}

// What hides on purpose is beyond session and mark, and not beyond a cgroup.
func TestOnlyACgroupHoldsWhatHides(t *testing.T) {
	m := newManager(t, procgroup.Config{TermGrace: patience})
	if !procgroup.HasCgroups(t, m) {
		t.Log("no cgroup can be made here; nothing to see")
		return
	}
	token, said := newToken(t), filepath.Join(t.TempDir(), "said")
	hider := `trap "echo term >` + said + `; exit" TERM; sleep ` + token + ` & wait`
	g := start(t, m, command("sh", "-c", `env -i setsid sh -c '`+hider+`' & exit`))
	awaitDone(t, g)
	eventually(t, "it hides", func() bool { return len(animals(token)) == 1 })
	assert.Zero(t, end(t, g))
	assert.Empty(t, animals(token))
	assert.FileExists(t, said, "it was asked before it was killed")
}

// A cgroup is killed as a whole, whatever a look at /proc has found.
func TestKillReachesTheWholeCgroup(t *testing.T) {
	m := newManager(t, quick(""))
	if !procgroup.HasCgroups(t, m) {
		t.Log("no cgroup can be made here; nothing to see")
		return
	}
	testBornAfterTheLook(t, m, "setsid sleep TOKEN &")
}

// So is a process group that the look has found a member of.
func TestKillReachesTheWholeProcessGroup(t *testing.T) {
	testBornAfterTheLook(t, newManager(t, quick("-")), "sleep TOKEN &")
}

// testBornAfterTheLook has a job of a shell with job control, that is in a
// process group of its own, start something between a look and the kill.
func testBornAfterTheLook(t *testing.T, m *procgroup.Manager, late string) {
	token, fifo := newToken(t), filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	job := "sleep TOKEN & cat " + fifo + "; " + late + " wait"
	script := strings.ReplaceAll("set -m; sh -c '"+job+"' & wait", "TOKEN", token)
	g := start(t, m, command("bash", "-c", script))
	eventually(t, "the job waits", func() bool { return len(animals(token)) == 1 })
	kill := procgroup.Look(g)
	require.NoError(t, os.WriteFile(fifo, nil, 0))
	eventually(t, "it has gone on", func() bool { return len(animals(token)) == 2 })
	kill()
	eventually(t, "both have gone", func() bool { return len(animals(token)) == 0 })
	assert.Zero(t, end(t, g))
}

// A host may itself run in a group, in a terminal for instance. What it has
// started is in sessions of its own, and part of the outer group all the same.
func TestWhatAnInnerHostStartedIsFound(t *testing.T) {
	m := newManager(t, quick("-"))
	token := newToken(t)
	s := command(os.Args[0], token)
	s.Cmd.Env = procgroup.CleanEnv(hostEnv+"=zoo", "CGROUP=-")
	_, err := s.Cmd.StdinPipe()
	require.NoError(t, err)
	g := start(t, m, s)
	eventually(t, "the inner zoo is full", func() bool { return len(animals(token)) == zooSize })
	assert.Zero(t, end(t, g))
	assert.Empty(t, animals(token))
}

func TestAStoppedCommandActsOnSIGTERM(t *testing.T) {
	m := newManager(t, procgroup.Config{TermGrace: patience})
	g := start(t, m, command("sh", "-c", "trap 'exit 5' TERM; kill -STOP $$; while :; do :; done"))
	eventually(t, "it has stopped", func() bool { return procgroup.StateOf(g.Pid()) == 'T' })
	assert.Zero(t, end(t, g))
	assert.Equal(t, procgroup.Exit{Code: 5}, g.Exit())
}

func TestOnlyATerminalIsControlling(t *testing.T) {
	m := newManager(t, quick(""))
	for _, terminal := range []bool{true, false} {
		master, slave, err := openPty()
		require.NoError(t, err)
		s := command("sh", "-c", "exec 3</dev/tty")
		s.Terminal, s.Cmd.Stdin = terminal, slave
		g := start(t, m, s)
		awaitDone(t, g)
		assert.Equal(t, terminal, g.Exit().Code == 0)
		assert.Zero(t, end(t, g))
		require.NoError(t, slave.Close())
		require.NoError(t, master.Close())
	}
}
