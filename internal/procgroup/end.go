package procgroup

import (
	"context"
	"errors"
	"os/exec"
	"syscall"
	"time"
)

// End ends the command and everything it started: for a Terminal SIGHUP, then
// SIGTERM, each followed by SIGCONT, then SIGKILL until nothing is left, each
// step after the grace of the one before. It returns how many processes are
// left nevertheless: those kept by KeepDaemons and those that even SIGKILL did
// not remove.
//
// Call it for every group, also when the command has exited by itself. Calls
// may be concurrent and repeated; they share one ending and get the same
// answer. When ctx ends first, its error is returned and the ending goes on. A
// deadline of ctx cuts the graces so that SIGKILL still does its work before.
func (g *Group) End(ctx context.Context) (survivors int, err error) {
	deadline, _ := ctx.Deadline()
	g.beginEnd(deadline)
	select {
	case <-g.ended:
		return g.survivors, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// beginEnd starts the one ending, and makes it faster when deadline, if there
// is one, is earlier than those before.
func (g *Group) beginEnd(deadline time.Time) {
	if !deadline.IsZero() {
		by := killBefore(deadline, time.Now())
		for old := g.killBy.Load(); old == nil || by.Before(*old); old = g.killBy.Load() {
			if g.killBy.CompareAndSwap(old, &by) {
				break
			}
		}
	}
	g.endOnce.Do(func() { g.m.wg.Go(g.end) })
}

func (g *Group) killTime() time.Time {
	if by := g.killBy.Load(); by != nil {
		return *by
	}
	return time.Time{}
}

func (g *Group) end() {
	left, kept := descend(g.tree(), g.m.cfg.steps(g.spec.Terminal), g.killTime)
	if left > 0 {
		g.m.log.Error("procgroup: processes survived SIGKILL", "name", g.spec.Name, "pid", g.pid, "survivors", left)
	}
	if g.hasExited() {
		g.reap()
	} else {
		g.m.wg.Go(g.reapLate)
	}
	g.m.forget(g, left == 0)
	g.m.mu.Lock()
	delete(g.m.groups, g)
	g.m.unended += left
	g.m.mu.Unlock()
	g.survivors = left + kept
	close(g.ended)
}

// reap frees the command's number and closes the pipes of its Cmd.
func (g *Group) reap() {
	var exit *exec.ExitError
	err := g.spec.Cmd.Wait()
	if err == nil || errors.As(err, &exit) || errors.Is(err, exec.ErrWaitDelay) || errors.Is(err, syscall.ECHILD) {
		return
	}
	g.m.log.Debug("procgroup: output of a command was not copied to the end", "name", g.spec.Name, "err", err)
}

// reapLate is for a command that not even SIGKILL has ended yet, because it is
// stuck in the kernel.
func (g *Group) reapLate() {
	select {
	case <-g.done:
		g.reap()
	case <-g.m.quit:
	}
}
