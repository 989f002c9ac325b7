// Package scarce is for tests of what a server does when the machine has no
// more to give.
package scarce

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// strangers is where user ids begin that belong to nobody.
const strangers = 1 << 20

// Processes prepares a command that is this program once more, so that it and
// all that it starts have room for so many processes and threads together. The
// caller starts it and then calls restore.
//
// RLIMIT_NPROC counts what a user runs on the whole machine, and does not hold
// root (setrlimit(2)): as root the command is run as a user that nobody else
// is, which also keeps two such tests out of each other's way.
func Processes(cmd *exec.Cmd, room int) (restore func() error, err error) {
	uid := os.Getuid()
	cmd.Path = "/proc/self/exe" // leads there whoever may enter the binary's directory
	if uid == 0 {
		uid = strangers + os.Getpid()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	running, err := tasks(uid)
	if err != nil {
		return nil, err
	}
	// Inherited by the command and taken back here: to change the limit of
	// another user's process would take a capability.
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NPROC, &before); err != nil {
		return nil, err
	}
	limit := unix.Rlimit{Cur: uint64(running + room), Max: before.Max}
	if limit.Cur > limit.Max {
		return nil, errors.New("the user has not so many processes and threads left")
	}
	if err := unix.Setrlimit(unix.RLIMIT_NPROC, &limit); err != nil {
		return nil, err
	}
	return func() error { return unix.Setrlimit(unix.RLIMIT_NPROC, &before) }, nil
}

// tasks counts what RLIMIT_NPROC does: a user's threads.
func tasks(uid int) (n int, err error) {
	dirs, err := filepath.Glob("/proc/[0-9]*/task/*")
	for _, dir := range dirs {
		var st syscall.Stat_t
		if syscall.Stat(dir, &st) == nil && int(st.Uid) == uid {
			n++
		}
	}
	return n, err
}
