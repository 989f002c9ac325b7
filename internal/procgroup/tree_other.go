//go:build unix && !linux

package procgroup

import "syscall"

// A groupTree is the process group that the command leads. Jobs that an
// interactive shell put into groups of their own get the hangup that the
// kernel sends when the terminal goes, and no more.
type groupTree struct {
	g    *Group
	gone bool // seen empty; the number may be somebody else's now
}

func (g *Group) tree() tree { return &groupTree{g: g} }

func (t *groupTree) look() (members, kept int) {
	if t.known() {
		return 1, 0
	}
	return 0, 0
}

func (t *groupTree) known() bool {
	if t.gone {
		return false
	}
	if !t.g.hasExited() {
		return true
	}
	t.gone = syscall.Kill(-t.g.pid, 0) == syscall.ESRCH
	return !t.gone
}

func (t *groupTree) signal(sig syscall.Signal) {
	if t.gone {
		return
	}
	_ = syscall.Kill(-t.g.pid, sig)
	if sig != syscall.SIGKILL {
		_ = syscall.Kill(-t.g.pid, syscall.SIGCONT)
	}
}
