package procgroup_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const hostEnv = "PROCGROUP_TEST_HOST"

// runHost is the program of a host process. It says "ready" when it stands and
// then lives until its standard input ends or it is killed.
func runHost(mode string) int {
	if err := host(mode, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "host:", err)
		return 1
	}
	return 0
}

func host(mode string, args []string) error {
	ctx := context.Background()
	m, err := procgroup.New(procgroup.Config{StateDir: os.Getenv("STATE"), Cgroup: os.Getenv("CGROUP")})
	if err != nil {
		return err
	}
	switch mode {
	case "run": // one command, its output on ours
		s := procgroup.Spec{Cmd: exec.Command(args[0], args[1:]...)}
		if argv0 := os.Getenv("ARGV0"); argv0 != "" {
			s.Cmd.Args[0] = argv0
		}
		s.Cmd.Stdout, s.Cmd.Stderr = os.Stdout, os.Stderr
		g, err := m.Start(ctx, s)
		if err != nil {
			return err
		}
		<-g.Done()
		if _, err := g.End(ctx); err != nil {
			return err
		}
		if code := g.Exit().Code; code != 0 {
			return fmt.Errorf("exit code %d", code)
		}
		return m.Close()
	case "zoo": // an interactive shell that is full of jobs
		_, master, err := zoo(m, args[0], procgroup.Spec{KeepDaemons: os.Getenv("KEEP") != ""})
		if err != nil {
			return err
		}
		defer master.Close()
	case "death": // a command that is to die with us
		s := procgroup.Spec{Cmd: exec.Command("sleep", args[0]), KillOnParentDeath: true}
		if _, err := m.Start(ctx, s); err != nil {
			return err
		}
	case "many": // many idle commands; says what they cost
		n, _ := strconv.Atoi(args[0])
		fds := count("/proc/self/fd")
		for range n {
			if _, err := m.Start(ctx, procgroup.Spec{Cmd: exec.Command("sleep", args[1])}); err != nil {
				return err
			}
		}
		fmt.Println(count("/proc/self/task"), count("/proc/self/fd")-fds)
	case "threads": // how many the first Manager has made, two more, and one that wants more
		fmt.Println(count("/proc/self/task"))
		for _, cfg := range []procgroup.Config{{}, {}, {Threads: 27}} {
			another, err := procgroup.New(cfg)
			if err != nil {
				return err
			}
			defer another.Close()
			fmt.Println(count("/proc/self/task"))
		}
	case "exhaust": // start until it does not work, make room, start again
		var all []*procgroup.Group
		var err error
		for err == nil {
			var g *procgroup.Group
			if g, err = m.Start(ctx, procgroup.Spec{Cmd: exec.Command("sleep", args[0])}); err == nil {
				all = append(all, g)
			}
		}
		fmt.Println(len(all) > 0, errors.Is(err, procgroup.ErrExhausted), err)
		for _, g := range all {
			if n, err := g.End(ctx); n != 0 || err != nil {
				return fmt.Errorf("%d survivors, %v", n, err)
			}
		}
		if _, err := m.Start(ctx, procgroup.Spec{Cmd: exec.Command("sleep", args[0])}); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	return m.Close()
}

func count(dir string) int {
	entries, _ := os.ReadDir(dir)
	return len(entries)
}

// zooSize is how many processes of the animals run: sleep with an argument
// that nobody else has.
const zooSize = 9

// zoo starts an interactive bash on a pty and has it start one of each kind of
// process that is known to stay behind in a terminal.
func zoo(m *procgroup.Manager, token string, s procgroup.Spec) (*procgroup.Group, *os.File, error) {
	master, slave, err := openPty()
	if err != nil {
		return nil, nil, err
	}
	defer slave.Close()
	s.Cmd = exec.Command("bash", "--norc", "--noprofile", "-i")
	s.Cmd.Stdin, s.Cmd.Stdout, s.Cmd.Stderr = slave, slave, slave
	s.Cmd.Dir = "/"
	s.Terminal, s.Name = true, "zoo"
	g, err := m.Start(context.Background(), s)
	if err != nil {
		return nil, nil, err
	}
	go func() { // until the master is closed
		buf := make([]byte, 4096)
		for {
			if _, err := master.Read(buf); err != nil {
				return
			}
		}
	}()
	for _, animal := range []string{
		"sleep TOKEN &",
		"nohup sleep TOKEN >/dev/null 2>&1 &",
		"sh -c \"trap '' HUP TERM; exec sleep TOKEN\" &",
		"sleep TOKEN & disown",
		"setsid sleep TOKEN &",
		"( ( setsid sleep TOKEN >/dev/null 2>&1 & ) & )",
		"( env -i sleep TOKEN & )",
		"sleep TOKEN & until grep -q sleep /proc/$!/comm; do :; done; kill -STOP $!",
		"sleep TOKEN",
	} {
		if _, err := master.WriteString(strings.ReplaceAll(animal, "TOKEN", token) + "\n"); err != nil {
			return nil, nil, err
		}
	}
	return g, master, nil
}

// openPty opens a pty whose master is on the poller, so that Close ends a Read.
func openPty() (master, slave *os.File, err error) {
	blocking, slave, err := pty.Open()
	if err != nil {
		return nil, nil, err
	}
	defer blocking.Close()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		err = unix.SetNonblock(fd, true)
	}
	return os.NewFile(uintptr(fd), "ptmx"), slave, err
}

// animals returns the live processes that have token as an argument, found
// without any help from the code under test.
func animals(token string) (pids []string) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		argv := strings.Split(string(cmdline), "\x00")
		if len(argv) > 1 && argv[0] == "sleep" && argv[1] == token {
			pids = append(pids, filepath.Base(dir))
		}
	}
	return pids
}

// A hostProcess is a running host of one of the modes above.
type hostProcess struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	stdin *os.File
}

// startHost runs the test binary as a host, after the words of wrap, which may
// be something like nohup.
func startHost(t *testing.T, mode string, env []string, wrap []string, args ...string) *hostProcess {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	argv := append(append([]string{}, wrap...), exe)
	argv = append(argv, args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(append(os.Environ(), hostEnv+"="+mode), env...)
	cmd.Stderr = os.Stderr
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdin = r
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	r.Close()
	h := &hostProcess{cmd: cmd, lines: bufio.NewScanner(out), stdin: w}
	t.Cleanup(func() {
		w.Close()
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	})
	return h
}

// until returns the lines before the one that is want.
func (h *hostProcess) until(t *testing.T, want string) (before []string) {
	t.Helper()
	for h.lines.Scan() {
		if h.lines.Text() == want {
			return before
		}
		before = append(before, h.lines.Text())
	}
	require.FailNow(t, "host ended before it said "+want, strings.Join(before, "\n"))
	return nil
}

// rest returns what the host says until it ends by itself.
func (h *hostProcess) rest(t *testing.T) string {
	t.Helper()
	var all []string
	for h.lines.Scan() {
		all = append(all, h.lines.Text())
	}
	require.NoError(t, h.cmd.Wait())
	return strings.Join(all, "\n")
}

// crash ends the host as kill -9 and the out-of-memory killer do.
func (h *hostProcess) crash(t *testing.T) {
	t.Helper()
	require.NoError(t, h.cmd.Process.Kill())
	_ = h.cmd.Wait()
}
