package procgroup

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A Group is a started command and everything it started.
type Group struct {
	m    *Manager
	spec Spec
	mark string
	pid  int

	done chan struct{} // closed when exit is set
	exit Exit

	endOnce   sync.Once
	ended     chan struct{} // closed when survivors is set
	survivors int
}

// Exit is how a command ended.
type Exit struct {
	Code   int            // exit code; -1 when signalled or unknown
	Signal syscall.Signal // 0 unless signalled
	Err    error          // set when the kernel would not say
}

// Pid returns the command's process number, which is also that of its session
// and of its first process group. It is not given to anybody else before End.
func (g *Group) Pid() int { return g.pid }

// Done is closed when the command itself has exited. What it started may still
// be running.
func (g *Group) Done() <-chan struct{} { return g.done }

// Exit returns how the command ended. It is only valid once Done is closed.
func (g *Group) Exit() Exit { return g.exit }

// Signal sends sig to the command itself. Once it has exited the error is
// os.ErrProcessDone.
func (g *Group) Signal(sig os.Signal) error {
	select {
	case <-g.done:
		return os.ErrProcessDone
	default:
		return g.spec.Cmd.Process.Signal(sig)
	}
}

// End ends the command and everything it started: for a Terminal SIGHUP and
// SIGCONT, then SIGTERM and SIGCONT, then SIGKILL until nothing is left, each
// after its grace. It returns how many processes are left nevertheless: those
// kept by KeepDaemons and those that even SIGKILL did not remove.
//
// Concurrent and repeated calls share one ending and get the same answer. When
// ctx ends first its error is returned and the ending goes on; a deadline of
// the first caller's ctx shortens the graces so that SIGKILL still comes in
// time.
func (g *Group) End(ctx context.Context) (survivors int, err error) {
	g.beginEnd()
	select {
	case <-g.ended:
		return g.survivors, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (g *Group) beginEnd() {
	g.endOnce.Do(func() {
		g.m.wg.Add(1)
		go func() {
			defer g.m.wg.Done()
			g.runEnd()
		}()
	})
}

func (g *Group) start() error {
	cmd := g.spec.Cmd
	if cmd.Err != nil {
		return &StartError{Fault: FaultCommand, Path: cmd.Path, Err: cmd.Err}
	}
	if err := checkDir(cmd.Dir); err != nil {
		return err
	}
	env := cmd.Env
	if env == nil {
		env = CleanEnv()
	}
	cmd.Env = childEnv(env, g.mark)
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = time.Second
	}
	attr := &syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		*attr = *cmd.SysProcAttr
	}
	attr.Setsid, attr.Setctty, attr.Ctty = true, g.spec.Terminal, 0
	attr.Setpgid, attr.Foreground, attr.Noctty, attr.Pgid = false, false, false, 0
	cmd.SysProcAttr = attr
	if err := cmd.Start(); err != nil {
		return startError(cmd.Path, err)
	}
	g.pid = cmd.Process.Pid
	return nil
}

func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	fi, err := os.Stat(dir)
	if err == nil && !fi.IsDir() {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return &StartError{Fault: FaultDir, Path: dir, Err: err}
	}
	return nil
}

func (g *Group) watch() {
	state, err := g.spec.Cmd.Process.Wait()
	g.exit = exitOf(state, err)
	close(g.done)
}

func exitOf(state *os.ProcessState, err error) Exit {
	if err != nil {
		return Exit{Code: -1, Err: err}
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return Exit{Code: -1, Signal: ws.Signal()}
	}
	return Exit{Code: state.ExitCode()}
}

// runEnd walks down the ladder.
func (g *Group) runEnd() {
	type step struct {
		sig   syscall.Signal
		grace time.Duration
	}
	steps := []step{{syscall.SIGTERM, g.m.cfg.TermGrace}, {syscall.SIGKILL, g.m.cfg.KillWait}}
	if g.spec.Terminal {
		steps = append([]step{{syscall.SIGHUP, g.m.cfg.HangupGrace}}, steps...)
	}
	left := g.alive()
	for _, s := range steps {
		if left == 0 {
			break
		}
		g.kill(s.sig)
		left = g.waitGone(s.grace)
	}
	if left == 0 {
		<-g.done
		var exit *exec.ExitError
		if err := g.spec.Cmd.Wait(); err != nil && !errors.As(err, &exit) && !errors.Is(err, os.ErrProcessDone) {
			g.m.log.Debug("procgroup: wait", "name", g.spec.Name, "err", err)
		}
	}
	g.m.mu.Lock()
	delete(g.m.groups, g)
	g.m.mu.Unlock()
	g.survivors = left
	close(g.ended)
}

func (g *Group) waitGone(grace time.Duration) int {
	deadline := time.Now().Add(grace)
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		left := g.alive()
		if left == 0 || !time.Now().Before(deadline) {
			return left
		}
		time.Sleep(pause)
	}
}

func (g *Group) kill(sig syscall.Signal) {
	_ = syscall.Kill(-g.pid, sig)
	if sig != syscall.SIGKILL {
		_ = syscall.Kill(-g.pid, syscall.SIGCONT)
	}
}

func (g *Group) alive() int {
	select {
	case <-g.done:
	default:
		return 1
	}
	if syscall.Kill(-g.pid, 0) == nil {
		return 1
	}
	return 0
}
