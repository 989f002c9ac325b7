package terminal

import (
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// busyRead is the size of a read that shows a program pouring out output.
	busyRead = 2 << 10
	// busyEnough ends the gathering.
	busyEnough = 32 << 10
	// busyTries bounds the pauses of one Read.
	busyTries = 16
)

// busyReaders is how many sessions may gather at the same time: a pause holds
// an OS thread. The others are read piece by piece.
const busyReaders = 4

// ptyReader reads a pty's master in large pieces.
//
// The kernel hands over at most 4 KiB a read and fetches the next in a worker
// of its own, so a reader that goes through Go's poller for each piece spends
// its time on being woken. While a program pours out output, a Read gathers
// pieces with short pauses between them. That also lets Go's scheduler look
// at the network meanwhile: a reader that never rests starves the keys of the
// other sessions.
type ptyReader struct {
	raw  syscall.RawConn
	step func(fd uintptr) bool
	busy chan struct{} // shared: holds one token for each reader that gathers

	buf   []byte
	n     int
	tries int
	err   error
}

func (r *ptyReader) init(raw syscall.RawConn, busy chan struct{}) {
	r.raw, r.busy = raw, busy
	r.step = r.gather
}

// Read implements [Process]. It is called by one goroutine.
func (r *ptyReader) Read(b []byte) (int, error) {
	r.buf, r.n, r.tries, r.err = b, 0, 0, nil
	err := r.raw.Read(r.step)
	r.buf = nil
	if r.err != nil {
		err = r.err
	}
	return r.n, err
}

// gather reads what is there. False makes the poller wait for more.
func (r *ptyReader) gather(fd uintptr) bool {
	for {
		n, err := unix.Read(int(fd), r.buf[r.n:])
		switch {
		case n > 0:
			r.n += n
			if r.n >= min(len(r.buf), busyEnough) {
				return true
			}
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			if r.n == 0 {
				return false
			}
			if r.n < busyRead || r.tries >= busyTries || !r.rest() {
				return true
			}
		case err != nil:
			r.err = err // EIO once the last process has closed the terminal
			return true
		default:
			r.err = io.EOF
			return true
		}
	}
}

// rest pauses for more, unless too many readers do already.
func (r *ptyReader) rest() bool {
	select {
	case r.busy <- struct{}{}:
	default:
		return false
	}
	r.tries++
	pauseShort()
	<-r.busy
	return true
}
