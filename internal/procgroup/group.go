package procgroup

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A Group is a started command and everything it started.
type Group struct {
	m    *Manager
	spec Spec
	mark string // its own, the last element of the path in the environment
	pid  int
	groupPlatform

	done chan struct{} // closed when exit is set
	exit Exit

	endOnce   sync.Once
	killBy    atomic.Pointer[time.Time] // nil = no caller has a deadline
	ended     chan struct{}             // closed when survivors is set
	survivors int
}

func newGroup(m *Manager, s Spec) *Group {
	return &Group{
		m: m, spec: s, mark: newMark(m.id, s.KeepDaemons),
		done: make(chan struct{}), ended: make(chan struct{}),
	}
}

func (g *Group) start() error {
	path := g.mark
	if g.m.outer != "" {
		path = g.m.outer + "," + g.mark
	}
	if err := g.spec.prepare(path); err != nil {
		return err
	}
	if err := g.m.launch(g); err != nil {
		return err
	}
	g.pid = g.spec.Cmd.Process.Pid
	g.m.started(g)
	g.m.watch(g)
	return nil
}

// exited is called once, when the command has exited.
func (g *Group) exited(e Exit) {
	g.exit = e
	close(g.done)
}

func (g *Group) hasExited() bool {
	select {
	case <-g.done:
		return true
	default:
		return false
	}
}

// Exit is how a command ended.
type Exit struct {
	Code   int            // exit code; -1 when signalled or unknown
	Signal syscall.Signal // 0 unless signalled
	Err    error          // why it is not known
}

// Pid returns the command's process number, which is also that of its session
// and of its first process group. It is not given to anybody else before End.
func (g *Group) Pid() int { return g.pid }

// Done is closed when the command itself has exited. What it started may still
// be running.
func (g *Group) Done() <-chan struct{} { return g.done }

// Exit returns how the command ended. Before Done is closed Code is -1 and Err
// says that it still runs.
func (g *Group) Exit() Exit {
	if !g.hasExited() {
		return Exit{Code: -1, Err: errRunning}
	}
	return g.exit
}

var errRunning = errors.New("procgroup: the command has not exited yet")

// Signal sends sig to the command itself. Once it has exited the error is
// os.ErrProcessDone.
func (g *Group) Signal(sig os.Signal) error {
	if g.hasExited() {
		return os.ErrProcessDone
	}
	return g.spec.Cmd.Process.Signal(sig)
}
