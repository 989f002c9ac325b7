package procgroup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A waiter learns of the exit of any number of commands with one goroutine, no
// blocked thread and no descriptor beside the pidfd that os.Process has
// anyway: the pidfds are in an epoll set, and the set itself, being pollable,
// is in the Go runtime's (epoll(7), pidfd_open(2)).
type waiter struct {
	epoll *os.File
	raw   syscall.RawConn

	mu     sync.Mutex // guards the following
	next   int32
	groups map[int32]*Group
}

func newWaiter() (*waiter, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// os.NewFile hands a descriptor to the poller only if it is non-blocking.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	w := &waiter{epoll: os.NewFile(uintptr(fd), "procgroup epoll"), groups: make(map[int32]*Group)}
	if w.raw, err = w.epoll.SyscallConn(); err != nil {
		w.epoll.Close()
		return nil, err
	}
	return w, nil
}

// add has g.exited called once its command has exited. The pidfd leaves the set
// when it is closed, after the group has been reaped.
func (w *waiter) add(g *Group) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		w.next++
		if _, used := w.groups[w.next]; !used {
			break
		}
	}
	ev := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLONESHOT, Fd: w.next}
	var err error
	herr := g.spec.Cmd.Process.WithHandle(func(pidfd uintptr) {
		cerr := w.raw.Control(func(epfd uintptr) {
			err = unix.EpollCtl(int(epfd), unix.EPOLL_CTL_ADD, int(pidfd), &ev)
		})
		err = errors.Join(err, cerr)
	})
	if err = errors.Join(herr, err); err == nil {
		w.groups[w.next] = g
	}
	return err
}

// run serves until close.
func (w *waiter) run() {
	events := make([]unix.EpollEvent, 64)
	_ = w.raw.Read(func(epfd uintptr) (done bool) {
		for {
			n, err := unix.EpollWait(int(epfd), events, 0)
			if err == unix.EINTR {
				continue
			}
			if n <= 0 {
				return false // back to the poller, until more exit or close
			}
			for _, ev := range events[:n] {
				w.exited(ev.Fd)
			}
		}
	})
}

func (w *waiter) exited(id int32) {
	w.mu.Lock()
	g := w.groups[id]
	delete(w.groups, id)
	w.mu.Unlock()
	if g != nil {
		g.exited(peekExit(g.spec.Cmd.Process, false))
	}
}

func (w *waiter) close() { w.epoll.Close() }

// peekExit returns how p ended and leaves it a zombie, so that its number is
// not used again. With block it waits for the end first.
func peekExit(p *os.Process, block bool) Exit {
	var info unix.Siginfo
	flags := unix.WEXITED | unix.WNOWAIT
	if !block {
		flags |= unix.WNOHANG
	}
	var err error
	wait := func(kind, id int) {
		for {
			if err = unix.Waitid(kind, id, &info, flags, nil); err != unix.EINTR {
				return
			}
		}
	}
	if p.WithHandle(func(pidfd uintptr) { wait(unix.P_PIDFD, int(pidfd)) }) != nil {
		wait(unix.P_PID, p.Pid)
	}
	switch {
	case errors.Is(err, unix.ECHILD):
		// Somebody in this process waits for any child, wait4(-1).
		return Exit{Code: -1, Err: fmt.Errorf("exit status was taken by another waiter in this process: %w", err)}
	case err != nil:
		return Exit{Code: -1, Err: os.NewSyscallError("waitid", err)}
	}
	return exitOfSiginfo(&info)
}

// exitOfSiginfo reads the union of a SIGCHLD siginfo, which x/sys/unix leaves
// as padding: si_pid, si_uid and si_status follow the three leading ints,
// aligned as a pointer (sigaction(2), asm-generic/siginfo.h).
func exitOfSiginfo(info *unix.Siginfo) Exit {
	const (
		cldExited    = 1
		cldKilled    = 2
		cldDumped    = 3
		offsetUnion  = (12 + unsafe.Sizeof(uintptr(0)) - 1) &^ (unsafe.Sizeof(uintptr(0)) - 1)
		offsetStatus = offsetUnion + 8
	)
	raw := (*[unsafe.Sizeof(unix.Siginfo{})]byte)(unsafe.Pointer(info))
	status := int32(binary.NativeEndian.Uint32(raw[offsetStatus:]))
	switch info.Code {
	case cldExited:
		return Exit{Code: int(status)}
	case cldKilled, cldDumped:
		return Exit{Code: -1, Signal: syscall.Signal(status)}
	}
	return Exit{Code: -1, Err: fmt.Errorf("waitid: unexpected code %d", info.Code)}
}
