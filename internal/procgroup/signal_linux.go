package procgroup

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// signalExact sends sig to the one process that id names and to no other: the
// pidfd pins whoever has the number now, and the start time says whether that
// is the one that was meant (pidfd_open(2), Linux 5.3).
func signalExact(id ident, sig syscall.Signal) error {
	fd, err := unix.PidfdOpen(id.pid, 0)
	pinned := err == nil
	if pinned {
		defer unix.Close(fd)
	} else if errors.Is(err, unix.ESRCH) {
		return err
	}
	var buf [1024]byte
	p, err := readProc(id.pid, buf[:])
	if err != nil {
		return err
	}
	if p.start != id.start {
		return unix.ESRCH
	}
	if pinned {
		return unix.PidfdSendSignal(fd, sig, nil, 0)
	}
	// No pidfd to be had (old kernel, descriptors used up): the number was
	// right a moment ago.
	return unix.Kill(id.pid, sig)
}

// aliveExact reports whether the process that id names is still running.
func aliveExact(id ident) bool {
	var buf [1024]byte
	p, err := readProc(id.pid, buf[:])
	return err == nil && p.start == id.start && !p.dead
}
