package procgroup

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A groupTree is a Group as its ending sees it.
type groupTree struct {
	g       *Group
	members []proc             // what the last look found, alive when last checked
	seen    map[ident]struct{} // all that was ever found
}

func (g *Group) tree() tree { return &groupTree{g: g, seen: make(map[ident]struct{})} }

// look looks twice before it says that nothing is left of what once was there:
// a process that forks and exits while /proc is being read can be missed with
// its child. A cgroup is not fooled like that.
func (t *groupTree) look() (members, kept int) {
	members, kept = t.lookOnce()
	if members == 0 && len(t.seen) > 0 && t.g.cgroup == "" {
		members, kept = t.lookOnce()
	}
	return members, kept
}

func (t *groupTree) lookOnce() (members, kept int) {
	g := t.g
	exited := g.hasExited()
	snap := g.m.census.get()
	sel := selector{session: g.pid, mark: g.mark, seen: t.seen, except: os.Getpid()}
	if exited && g.exit.Err != nil {
		// Somebody else reaped the leader, so the number of its session is no
		// longer reserved.
		sel.session = 0
	}
	if g.cgroup != "" {
		// After the snapshot: a number that passed from a stranger to a member
		// in between then has the stranger's start, and nobody is signalled.
		// The other way round it would be the stranger.
		sel.pids = g.cgroup.pids()
	}
	t.members = t.members[:0]
	leader := false
	for _, p := range snap.find(sel) {
		if g.spec.KeepDaemons && p.sid != g.pid {
			kept++
			continue
		}
		leader = leader || p.pid == g.pid
		t.seen[p.ident()] = struct{}{}
		t.members = append(t.members, p)
	}
	if !leader && !exited {
		t.members = append(t.members, proc{pid: g.pid, pgid: g.pid, sid: g.pid})
	}
	members = len(t.members)
	if members == 0 && (snap.partial || t.populated()) {
		members = 1 // not seen, or born after the snapshot
	}
	return members, kept
}

// populated reports whether the cgroup, where it says something about the
// members, holds a process.
func (t *groupTree) populated() bool {
	return t.g.cgroup != "" && !t.g.spec.KeepDaemons && t.g.cgroup.populated()
}

func (t *groupTree) known() bool {
	if t.populated() {
		return true
	}
	for len(t.members) > 0 {
		last := len(t.members) - 1
		if t.alive(t.members[last]) {
			return true
		}
		t.members = t.members[:last]
	}
	return false
}

func (t *groupTree) alive(p proc) bool {
	if p.pid == t.g.pid {
		return !t.g.hasExited()
	}
	return aliveExact(p.ident())
}

func (t *groupTree) signal(sig syscall.Signal) {
	g := t.g
	if sig == syscall.SIGKILL {
		if g.cgroup != "" && !g.spec.KeepDaemons {
			g.cgroup.kill()
		}
		t.killGroups()
	}
	for _, p := range t.members {
		t.send(p, sig)
	}
	if sig != syscall.SIGKILL {
		for _, p := range t.members {
			t.send(p, syscall.SIGCONT)
		}
	}
}

func (t *groupTree) send(p proc, sig syscall.Signal) {
	if p.pid == t.g.pid {
		_ = t.g.Signal(sig)
		return
	}
	_ = signalExact(p.ident(), sig)
}

// killGroups kills whole process groups of the session. Unlike one signal for
// each process this also reaches those that are being forked at the moment,
// without which a program that forks faster than /proc can be read would win.
func (t *groupTree) killGroups() {
	// The number of a process group is not used again while it has a member,
	// be it a zombie. The first group has the command until End reaps it.
	if !t.g.hasExited() || t.g.exit.Err == nil {
		_ = unix.Kill(-t.g.pid, unix.SIGKILL)
	}
	var buf [1024]byte
	sent := map[int]struct{}{t.g.pid: {}}
	for _, p := range t.members {
		if _, dup := sent[p.pgid]; dup || p.sid != t.g.pid || p.pgid <= 1 {
			continue
		}
		// Any other has p, as of now.
		if now, err := readProc(p.pid, buf[:]); err == nil && now.start == p.start && now.pgid == p.pgid && now.sid == p.sid {
			sent[p.pgid] = struct{}{}
			_ = unix.Kill(-p.pgid, unix.SIGKILL)
		}
	}
}
