package procgroup

import (
	"crypto/rand"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Spec is a command to start.
type Spec struct {
	// Cmd is the command, not yet started. It belongs to the Manager from the
	// call of Start on. An Env of nil means CleanEnv(), not the host's whole
	// environment; a WaitDelay of 0 means 1 s. Of SysProcAttr the session,
	// process group, terminal, cgroup and death signal fields are overwritten.
	Cmd *exec.Cmd

	// Terminal makes the command's descriptor 0 its controlling terminal. It
	// also chooses the ending: SIGHUP first, as when a line hangs up.
	Terminal bool

	// KeepDaemons makes End leave processes that have left the session
	// (setsid, daemons); they are counted as survivors.
	KeepDaemons bool

	// KillOnParentDeath has the kernel kill the command, not its children, the
	// moment the host process dies (PR_SET_PDEATHSIG, Linux and FreeBSD; the
	// kernel forgets it when a set-user-ID program is executed).
	KillOnParentDeath bool

	// Name stands in log lines.
	Name string
}

// keepTag in a mark tells a later Orphans, which has no Spec, that the group
// keeps its daemons.
const keepTag = ".keep."

func newMark(instance string, keep bool) string {
	if keep {
		return instance + keepTag + rand.Text()
	}
	return instance + "." + rand.Text()
}

func keepsDaemons(mark string) bool { return strings.Contains(mark, keepTag) }

// prepare makes s.Cmd ready to start, except for what only the platform knows.
func (s Spec) prepare(markPath string) error {
	cmd := s.Cmd
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
	cmd.Env = childEnv(env, markPath)
	if cmd.WaitDelay == 0 {
		cmd.WaitDelay = defaultWaitDelay
	}
	attr := syscall.SysProcAttr{}
	if cmd.SysProcAttr != nil {
		attr = *cmd.SysProcAttr
	}
	attr.Setsid, attr.Setctty, attr.Ctty = true, s.Terminal, 0
	attr.Setpgid, attr.Foreground, attr.Noctty, attr.Pgid = false, false, false, 0
	cmd.SysProcAttr = &attr
	return nil
}

// defaultWaitDelay bounds the copying of output that a process outside the
// tree may still hold the pipe of (exec.Cmd.WaitDelay).
const defaultWaitDelay = time.Second

// checkDir tells a bad directory from a bad program before the kernel mixes
// them up.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	fi, err := os.Stat(dir)
	if err == nil && !fi.IsDir() {
		err = &os.PathError{Op: "chdir", Path: dir, Err: syscall.ENOTDIR}
	}
	if err != nil {
		return &StartError{Fault: FaultDir, Path: dir, Err: err}
	}
	return nil
}
