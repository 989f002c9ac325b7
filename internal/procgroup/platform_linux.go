package procgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// platform is the part of a Manager that only Linux has.
type platform struct {
	host       hostProbe
	trampoline trampoline
	census     census
	death      *deathThread
	instance   *instance // nil without StateDir

	cgroupOnce sync.Once
	cgroupBase cgroup // "" = none
	cgroupLock int

	waiterOnce sync.Once
	waiter     *waiter // nil = could not be made
}

// groupPlatform is the part of a Group that only Linux has.
type groupPlatform struct {
	cgroup cgroup // "" = none
}

func (m *Manager) openPlatform() error {
	m.census.read = newProcReader(ticksNow()).take
	m.census.spawn = m.wg.Go
	m.death = newDeathThread()
	if m.cfg.StateDir == "" {
		return nil
	}
	var err error
	m.instance, err = newInstance(m.cfg.StateDir, m.id)
	return err
}

// closePlatform runs when no group and no ending is left.
func (m *Manager) closePlatform(clean bool) error {
	if m.waiter != nil {
		m.waiter.close()
	}
	m.wg.Wait()
	m.death.close()
	if m.cgroupBase != "" {
		if err := m.cgroupBase.remove(); err != nil {
			m.log.Debug("procgroup: cgroup is still in use", "err", err)
		}
		unix.Close(m.cgroupLock)
	}
	if m.instance != nil {
		return m.instance.close(clean)
	}
	return nil
}

// launch starts g.spec.Cmd, whose environment and session are set already.
func (m *Manager) launch(g *Group) error {
	cmd := g.spec.Cmd
	path, args, extra := cmd.Path, cmd.Args, cmd.ExtraFiles
	defer func() { cmd.Path, cmd.Args, cmd.ExtraFiles = path, args, extra }()

	h := m.host.get()
	// A nil entry makes the child close that descriptor before the exec
	// (os.ProcAttr), which rids it of what the host inherited or left open
	// without FD_CLOEXEC, such as the sockets of a service manager, and
	// changes nothing in the host.
	if n := h.lastOpen - 2; n > len(extra) {
		cmd.ExtraFiles = append(extra[:len(extra):len(extra)], make([]*os.File, n-len(extra))...)
	}
	wrapped := false
	if h.dirty() {
		m.trampoline.once.Do(func() { m.trampoline.probe(h, m.log) })
		wrapped = m.trampoline.wrap(cmd)
	}
	if wrapped {
		if err := checkProgram(cmd.Dir, path); err != nil {
			return startError(path, err)
		}
	}

	release := m.placeInCgroup(g)
	defer release()
	start := cmd.Start
	if g.spec.KillOnParentDeath {
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
		start = func() error { return m.death.start(cmd) }
	}
	if err := start(); err != nil {
		if g.cgroup != "" {
			_ = g.cgroup.remove()
		}
		if _, missing := os.Stat(path); missing == nil && errors.Is(err, syscall.ENOENT) {
			err = fmt.Errorf("the interpreter it names is missing: %w", err)
		}
		return startError(path, err)
	}
	return nil
}

// checkProgram finds out before the trampoline what execve would otherwise
// have told.
func checkProgram(dir, path string) error {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if fi, err := os.Stat(path); err != nil {
		return err
	} else if fi.IsDir() {
		return &os.PathError{Op: "exec", Path: path, Err: syscall.EACCES}
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		return &os.PathError{Op: "exec", Path: path, Err: err}
	}
	return nil
}

// placeInCgroup makes g's cgroup and has the child be born in it, so that it
// has no moment to escape. Where that fails the group goes without.
func (m *Manager) placeInCgroup(g *Group) (release func()) {
	m.cgroupOnce.Do(m.openCgroups)
	if m.cgroupBase == "" {
		return func() {}
	}
	c := m.cgroupBase.child(g.mark)
	fd, err := c.create()
	if err != nil {
		m.log.Warn("procgroup: no cgroup for this group", "name", g.spec.Name, "err", err)
		return func() {}
	}
	g.cgroup = c
	g.spec.Cmd.SysProcAttr.UseCgroupFD, g.spec.Cmd.SysProcAttr.CgroupFD = true, fd
	return func() { unix.Close(fd) }
}

func (m *Manager) openCgroups() {
	if m.cfg.Cgroup == "-" {
		return
	}
	base, lock, err := newCgroupBase(m.cfg.Cgroup, m.id)
	if err != nil {
		m.log.Info("procgroup: no cgroup v2, process trees are found by session and mark", "reason", err)
		return
	}
	m.cgroupBase, m.cgroupLock = base, lock
	if m.instance != nil {
		m.instance.setCgroup(string(base))
	}
}

// watch has g.exited called when the command has exited.
func (m *Manager) watch(g *Group) {
	m.waiterOnce.Do(func() {
		w, err := newWaiter()
		if err != nil {
			m.log.Warn("procgroup: waiting takes a thread for each command", "err", err)
			return
		}
		m.waiter = w
		m.wg.Go(w.run)
	})
	if m.waiter != nil && m.waiter.add(g) == nil {
		return
	}
	// No pidfd (before Linux 5.4, or a seccomp filter).
	m.wg.Go(func() { g.exited(peekExit(g.spec.Cmd.Process, true)) })
}

// started notes what a crash recovery will want to know.
func (m *Manager) started(g *Group) {
	if m.instance == nil {
		return
	}
	var buf [1024]byte
	p, _ := readProc(g.pid, buf[:])
	if err := m.instance.record(g.mark, record{Pid: g.pid, Start: p.start}); err != nil {
		m.log.Warn("procgroup: crash recovery will not know of a group", "name", g.spec.Name, "err", err)
	}
}

// forget removes the cgroup and, unless a survivor is left to be found by it,
// what started noted.
func (m *Manager) forget(g *Group, clean bool) {
	if g.cgroup != "" {
		if err := g.cgroup.remove(); err != nil {
			m.log.Debug("procgroup: cgroup is still in use", "name", g.spec.Name, "err", err)
		}
	}
	if m.instance != nil && clean {
		m.instance.erase(g.mark)
	}
}
