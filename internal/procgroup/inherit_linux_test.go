package procgroup_test

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// What nohup, a script's "host &" and a stopped parent's mask leave ignored or
// blocked in the host must not reach the commands: Ctrl-C and hangup would be
// dead in every terminal.
func TestSignalsAreResetUnderNohup(t *testing.T) {
	for name, wrap := range map[string][]string{
		"nohup":               {"nohup"},
		"background job":      {"sh", "-c", `trap '' INT QUIT; exec "$0" "$@"`},
		"job control ignored": {"sh", "-c", `trap '' HUP TSTP TTIN TTOU; exec "$0" "$@"`},
	} {
		t.Run(name, func(t *testing.T) {
			out := startHost(t, "run", nil, wrap, "cat", "/proc/self/status").rest(t)
			assert.Zero(t, signalSet(t, out, "SigIgn")&^libcSignals)
			assert.Zero(t, signalSet(t, out, "SigBlk")&^libcSignals)
		})
	}
}

// libcSignals are 32 and 33, which glibc keeps for itself: its posix_spawn, and
// so make, leaves the first one ignored in all that it starts, and no program
// can change that through its libc.
const libcSignals = 1<<31 | 1<<32

// signalSet reads a set of proc_pid_status(5), signal 1 being bit 0.
func signalSet(t *testing.T, status, name string) uint64 {
	t.Helper()
	_, rest, ok := strings.Cut(status, name+":\t")
	require.True(t, ok, status)
	hex, _, _ := strings.Cut(rest, "\n")
	set, err := strconv.ParseUint(hex, 16, 64)
	require.NoError(t, err)
	return set
}

func TestTrampolineChangesNothingElse(t *testing.T) {
	nohup := []string{"nohup"}
	t.Run("arguments", func(t *testing.T) {
		out := startHost(t, "run", nil, nohup, "printf", "[%s]", "a b", "-x", "K=V", "").rest(t)
		assert.Equal(t, "[a b][-x][K=V][]", out)
	})
	t.Run("environment", func(t *testing.T) {
		out := startHost(t, "run", []string{"SECRET=1"}, nohup, "env").rest(t)
		assert.NotContains(t, out, "SECRET")
		assert.Contains(t, out, "PATH=")
	})
	t.Run("argv0 with a meaning", func(t *testing.T) {
		out := startHost(t, "run", []string{"ARGV0=-sh"}, nohup, "sh", "-c", "echo $0").rest(t)
		assert.Equal(t, "-sh", out, "kept, at the price of the signals where env is too old")
	})
	t.Run("missing program", func(t *testing.T) {
		host := startHost(t, "run", nil, append(nohup, "sh", "-c", `exec "$0" "$@" 2>&1`), "/nonexistent/program")
		for host.lines.Scan() {
			if strings.Contains(host.lines.Text(), "start /nonexistent/program: command:") {
				return
			}
		}
		assert.Fail(t, "the host did not say which program is missing")
	})
}

func TestNohupHostLeavesNothing(t *testing.T) {
	token := newToken(t)
	host := startHost(t, "zoo", []string{"CGROUP=-"}, []string{"nohup"}, token)
	host.until(t, "ready")
	eventually(t, "the zoo is full", func() bool { return len(animals(token)) == zooSize })
	require.NoError(t, host.stdin.Close())
	host.rest(t)
	assert.Empty(t, animals(token))
}

// A descriptor without FD_CLOEXEC is what socket activation leaves and what a C
// library opens. It must not reach a command, and must stay as it is.
func TestNoDescriptorIsInherited(t *testing.T) {
	for _, number := range []int{50, 700} {
		require.NoError(t, unix.Dup2(0, number))
		defer unix.Close(number)
	}
	m := newManager(t, procgroup.Config{})
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()

	s := command("ls", "/proc/self/fd")
	out, err := s.Cmd.StdoutPipe()
	require.NoError(t, err)
	s.Cmd.ExtraFiles = []*os.File{w}
	g := start(t, m, s)
	b := make([]byte, 4096)
	n, err := out.Read(b)
	require.NoError(t, err)
	awaitDone(t, g)
	assert.Zero(t, end(t, g))
	// 0 to 2, the one that was asked for, and that of the directory itself.
	assert.Equal(t, []string{"0", "1", "2", "3", "4"}, strings.Fields(string(b[:n])))

	flags, err := unix.FcntlInt(50, unix.F_GETFD, 0)
	require.NoError(t, err)
	assert.Zero(t, flags&unix.FD_CLOEXEC, "the host's own descriptor is untouched")
	out2, err := exec.Command("ls", "/proc/self/fd").Output()
	require.NoError(t, err)
	assert.Contains(t, strings.Fields(string(out2)), "50", "without our help it is inherited")
}
