package terminal

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// fdReserve is how many descriptors are left to the rest of the process: a
// terminal is refused while the host can still accept and answer.
const fdReserve = 64

// ptyPair is an open pseudo-terminal without a command.
type ptyPair struct {
	master *os.File // on Go's poller: Close and deadlines end a Read
	raw    syscall.RawConn
	slave  *os.File
}

// openPty opens a pseudo-terminal of the given size.
//
// The library's file is left in blocking mode, since its ioctls go through
// File.Fd: a Read would hold an OS thread and Close would not end it. So the
// descriptor is duplicated, made non-blocking and wrapped anew.
func openPty(size Size) (*ptyPair, error) {
	m, slave, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a pseudo-terminal: %w", err)
	}
	p, err := pollable(m)
	_ = m.Close()
	if err == nil {
		p.slave = slave
		err = errors.Join(setInputMode(slave), p.resize(size))
	}
	if err != nil {
		if p != nil {
			_ = p.master.Close()
		}
		_ = slave.Close()
		return nil, fmt.Errorf("set up a pseudo-terminal: %w", err)
	}
	return p, nil
}

func pollable(f *os.File) (*ptyPair, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	fd := -1
	var dupErr error
	if err := raw.Control(func(old uintptr) {
		fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, os.NewSyscallError("fcntl", dupErr)
	}
	if err := leaveRoom(fd); err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	master := os.NewFile(uintptr(fd), "pty")
	raw, err = master.SyscallConn()
	if err != nil {
		_ = master.Close()
		return nil, err
	}
	return &ptyPair{master: master, raw: raw}, nil
}

// leaveRoom refuses a descriptor close to the limit. The kernel always gives
// the lowest free number, so a high one means that few are left.
func leaveRoom(fd int) error {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return nil //nolint:nilerr // without a known limit there is none to respect
	}
	most := uint64(lim.Cur)
	if uint64(fd)+min(fdReserve, most/4) >= most {
		return unix.EMFILE
	}
	return nil
}

// resize sets the size and, if it is another one, sends SIGWINCH. It goes
// through SyscallConn, which makes it safe against a concurrent Close.
func (p *ptyPair) resize(s Size) error {
	var sizeErr error
	err := p.raw.Control(func(fd uintptr) {
		sizeErr = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(s.Rows), Col: uint16(s.Cols)})
	})
	return errors.Join(err, os.NewSyscallError("ioctl", sizeErr))
}

// echoes reports whether what is typed is shown, by the kernel or by a program
// that reads single keys. Only a prompt that reads whole lines without an echo
// hides it.
func (p *ptyPair) echoes() bool {
	shown := false
	_ = p.raw.Control(func(fd uintptr) {
		if t, err := unix.IoctlGetTermios(int(fd), getTermios); err == nil {
			shown = t.Lflag&unix.ECHO != 0 || t.Lflag&unix.ICANON == 0
		}
	})
	return shown
}

func (p *ptyPair) close() {
	_ = p.master.Close()
	_ = p.slave.Close()
}

// exhausted reports whether err means that the machine has run out of
// something that may come back.
func exhausted(err error) bool {
	for _, e := range []error{
		unix.EAGAIN, unix.ENOMEM, unix.EMFILE, unix.ENFILE, unix.ENOSPC,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
