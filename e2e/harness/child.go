package harness

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// Child is one started server. Stop may be called more than once.
type Child struct {
	Name string

	cmd  *exec.Cmd
	log  *os.File
	stop syscall.Signal
	done chan struct{} // closed when the process has been waited for
	err  error         // of Wait; read after done
}

// Start starts cmd as a child of the run. Output goes to a file of the run's folder unless cmd says
// otherwise. stop is the signal that asks the program to end (0 = SIGTERM).
//
// The child is sent the same signal when the test process dies (PR_SET_PDEATHSIG), so an aborted run
// leaves nothing either: killed outright, an nginx master would leave its workers.
func (r *Run) Start(tb testing.TB, name string, cmd *exec.Cmd, stop syscall.Signal) *Child {
	tb.Helper()
	log, err := os.CreateTemp(r.Dir, name+"-*.log")
	if err != nil {
		tb.Fatal(err)
	}
	c := &Child{Name: name, cmd: cmd, log: log, stop: stop, done: make(chan struct{})}
	if c.stop == 0 {
		c.stop = syscall.SIGTERM
	}
	if cmd.Stdout == nil {
		cmd.Stdout = log
	}
	if cmd.Stderr == nil {
		cmd.Stderr = log
	}
	if cmd.Dir == "" {
		cmd.Dir = r.Dir
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, markName+"="+r.mark)
	r.adopt(cmd, c.stop)
	if err := cmd.Start(); err != nil {
		tb.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		c.err = cmd.Wait()
		close(c.done)
	}()
	r.add(c)
	return c
}

// adopt gives cmd its own process group and ties its life to the test process.
func (r *Run) adopt(cmd *exec.Cmd, end syscall.Signal) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = end
}

// Pid is the process id, which is also the id of its process group.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Done is closed when the process has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Signal sends sig to the process itself, not to its group.
func (c *Child) Signal(sig os.Signal) error { return c.cmd.Process.Signal(sig) }

// ExitCode waits for the end and returns the exit code, -1 when a signal ended the process.
func (c *Child) ExitCode() int {
	<-c.done
	return c.cmd.ProcessState.ExitCode()
}

// Stop asks the process to end and kills its whole group when it has not done so within 10 s.
func (c *Child) Stop() error {
	select {
	case <-c.done:
		return nil
	default:
	}
	_ = c.cmd.Process.Signal(c.stop)
	select {
	case <-c.done:
		return nil
	case <-time.After(10 * time.Second):
	}
	err := fmt.Errorf("%s (pid %d) did not end within 10 s of %v", c.Name, c.Pid(), c.stop)
	if kill := syscall.Kill(-c.Pid(), syscall.SIGKILL); kill != nil && !errors.Is(kill, syscall.ESRCH) {
		err = errors.Join(err, kill)
	}
	<-c.done
	return err
}

// Kill ends the process without warning, as the kernel does when memory is short, and waits for it.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill()
	<-c.done
}

// LogSize is the number of bytes the process has written so far.
func (c *Child) LogSize() int64 {
	info, err := os.Stat(c.log.Name())
	if err != nil {
		return 0
	}
	return info.Size()
}

// LogFrom returns what the process has written since the given size.
func (c *Child) LogFrom(offset int64) string {
	f, err := os.Open(c.log.Name())
	if err != nil {
		return ""
	}
	defer f.Close()
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return ""
	}
	text, _ := io.ReadAll(f)
	return string(text)
}

// Binary returns the path of a program and fails with the way to get it.
func Binary(tb testing.TB, name string) string {
	tb.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	tb.Fatalf("%s is not installed: run make deps", name)
	return ""
}
