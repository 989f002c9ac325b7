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
	busyEnough = 48 << 10
	// busyTries bounds the pauses of one Read.
	busyTries = 16
)

// busyReaders is how many sessions may pause while they gather: a pause holds
// an OS thread. The others are read piece by piece.
const busyReaders = 4

// readSlots are shared by all readers of a handler.
type readSlots struct {
	pause chan struct{} // holds a token for each reader that pauses
	quick chan struct{} // and for each that reads without telling the scheduler
}

// newReadSlots always leaves one of procs processors (GOMAXPROCS) alone.
func newReadSlots(procs int) *readSlots {
	return &readSlots{pause: make(chan struct{}, busyReaders), quick: make(chan struct{}, procs-1)}
}

// ptyReader reads a pty's master in large pieces.
//
// The kernel hands over at most 4 KiB a read and fetches the next in a worker
// of its own, so a reader that goes through Go's poller for each piece spends
// its time on being woken. While a program pours out output, a Read gathers
// pieces with short pauses between them. That also lets Go's scheduler look
// at the network meanwhile: a reader that never rests starves the keys of the
// other sessions.
type ptyReader struct {
	raw   syscall.RawConn
	step  func(fd uintptr) bool
	slots *readSlots

	buf   []byte
	n     int
	tries int
	quick bool // holds a token of slots.quick
	err   error
}

func (r *ptyReader) init(raw syscall.RawConn, slots *readSlots) {
	r.raw, r.slots = raw, slots
	r.step = r.gather
}

// Read implements [Process]. It is called by one goroutine.
func (r *ptyReader) Read(b []byte) (int, error) {
	r.buf, r.n, r.tries, r.err = b, 0, 0, nil
	err := r.raw.Read(r.step)
	r.buf = nil
	if r.quick {
		r.quick = false
		<-r.slots.quick
	}
	if r.err != nil {
		err = r.err
	}
	return r.n, err
}

// gather reads what is there. False makes the poller wait for more.
func (r *ptyReader) gather(fd uintptr) bool {
	for {
		n, err := r.read(int(fd), r.buf[r.n:])
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

// read reads what is there. A system call that may take longer than some
// microseconds makes Go's scheduler take the processor away from the thread and
// wake another one, and a pty's read does: the kernel waits for its worker. For
// the pieces of one gathering that costs more than the reading itself, so they
// are read without telling the scheduler. The descriptor does not block, so
// each takes some tens of microseconds at most, and one processor is always
// left to the rest of the program.
func (r *ptyReader) read(fd int, b []byte) (int, error) {
	if r.n >= busyRead && !r.quick {
		select {
		case r.slots.quick <- struct{}{}:
			r.quick = true
		default:
		}
	}
	if r.quick {
		return readQuick(fd, b)
	}
	return unix.Read(fd, b)
}

// rest pauses for more, unless too many readers do already.
func (r *ptyReader) rest() bool {
	select {
	case r.slots.pause <- struct{}{}:
	default:
		return false
	}
	r.tries++
	pauseShort()
	<-r.slots.pause
	return true
}
