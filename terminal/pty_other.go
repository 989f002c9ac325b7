//go:build !linux

package terminal

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// getTermios is the ioctl that reads a terminal's settings; on a pty's master
// it reads the slave's.
const getTermios = unix.TIOCGETA

// setInputMode leaves the terminal as the system opens it: not every system
// has IUTF8.
func setInputMode(*os.File) error { return nil }

// pauseShort gives more output the time to come.
func pauseShort() { time.Sleep(20 * time.Microsecond) }

// readQuick is an ordinary read where system calls go through the system's
// library.
func readQuick(fd int, b []byte) (int, error) { return unix.Read(fd, b) }
