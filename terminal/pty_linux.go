package terminal

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// getTermios is the ioctl that reads a terminal's settings; on a pty's master
// it reads the slave's.
const getTermios = unix.TCGETS

// setInputMode sets IUTF8, so that the kernel's line editing erases whole
// characters. It is off on a new pty.
func setInputMode(slave *os.File) error {
	raw, err := slave.SyscallConn()
	if err != nil {
		return err
	}
	var ioErr error
	err = raw.Control(func(fd uintptr) {
		t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil {
			ioErr = err
			return
		}
		t.Iflag |= unix.IUTF8
		ioErr = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	})
	if err != nil {
		return err
	}
	return os.NewSyscallError("ioctl", ioErr)
}

// pauseShort rests for as short as the kernel does: the timer slack of a thread
// is 50 microseconds (prctl(2), PR_SET_TIMERSLACK). A Go timer would take a
// millisecond when nothing else runs, since the scheduler then sleeps in
// epoll_wait, which counts in milliseconds.
func pauseShort() { _ = unix.Nanosleep(&unix.Timespec{Nsec: 1}, nil) }

// readQuick is read(2) without a word to Go's scheduler. fd must not block and
// b not be empty.
func readQuick(fd int, b []byte) (int, error) {
	n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
