package procgroup

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is USER_HZ, the unit of /proc/PID/stat, which is 100 on every
// architecture that Go runs on.
const ticksPerSecond = 100

// A procReader reads /proc. It is not safe for concurrent use.
type procReader struct {
	oldest uint64                                    // processes started before this tick carry no mark that matters
	mark   func(pid int, buf []byte) (string, error) // readMark
	marks  map[ident]string                          // of the last take; a mark once found is kept
	buf    []byte
}

func newProcReader(oldest uint64) *procReader {
	return &procReader{oldest: oldest, mark: readMark, buf: make([]byte, 16<<10)}
}

// bare stands for the mark of a process that has no environment at all.
const bare = "-"

// take reads /proc once, or again for a while if descriptors run out. Where
// there is no /proc the snapshot is empty.
func (r *procReader) take() *snapshot {
	s := r.read()
	for tries := 0; s.partial && tries < 20; tries++ {
		time.Sleep(lastPause)
		s = r.read()
	}
	return s
}

func (r *procReader) read() *snapshot {
	pids, err := listPids()
	partial := exhausted(err)
	var procs, unread []proc
	marks := make(map[ident]string)
	for _, pid := range pids {
		p, err := readProc(pid, r.buf)
		partial = partial || exhausted(err)
		if err != nil || p.dead || p.kernel {
			continue
		}
		procs = append(procs, p)
		if p.start < r.oldest {
			continue
		}
		mark := r.marks[p.ident()]
		if mark == "" {
			mark, err = r.mark(pid, r.buf)
			partial = partial || exhausted(err)
		}
		if mark == bare && r.marks[p.ident()] != bare {
			unread = append(unread, p)
		}
		marks[p.ident()] = mark
	}
	r.reread(unread, marks)
	r.marks = marks
	s := newSnapshot(procs, marks)
	s.partial = partial
	return s
}

// reread tries again for processes that seem to have no environment. In the
// middle of execve(2), when the old image is gone and the new one is not
// complete, the kernel shows none of anybody; those who really have none are
// believed after a while and remembered.
func (r *procReader) reread(unread []proc, marks map[ident]string) {
	for tries := 0; len(unread) > 0 && tries < 5; tries++ {
		time.Sleep(2 * firstPause)
		still := unread[:0]
		for _, p := range unread {
			mark, _ := r.mark(p.pid, r.buf)
			if marks[p.ident()] = mark; mark == bare {
				still = append(still, p)
			}
		}
		unread = still
	}
}

func listPids() ([]int, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

// readProc reads one process. Plain system calls here and below: os.File would
// try to register each descriptor with the poller.
func readProc(pid int, buf []byte) (proc, error) {
	fd, err := openProc(pid, "/stat")
	if err != nil {
		return proc{}, err
	}
	defer unix.Close(fd)
	p, ok := parseStat(buf[:readSome(fd, buf)])
	if !ok {
		return proc{}, unix.ESRCH
	}
	return p, nil
}

// readMark returns the value of markVar in the environment that pid was
// executed with, "" when it has none or the kernel does not show it to us, and
// bare when there is no environment.
func readMark(pid int, buf []byte) (string, error) {
	fd, err := openProc(pid, "/environ")
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	n := readSome(fd, buf)
	if n == 0 {
		return bare, nil
	}
	var f markFinder
	for ; n > 0; n = readSome(fd, buf) {
		if f.feed(buf[:n]) {
			break
		}
	}
	return f.found, nil
}

func openProc(pid int, name string) (int, error) {
	return unix.Open("/proc/"+strconv.Itoa(pid)+name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
}

// readSome is read(2) with every error as an end: a process may vanish at any
// moment.
func readSome(fd int, buf []byte) int {
	for {
		n, err := unix.Read(fd, buf)
		if err != unix.EINTR {
			return max(n, 0)
		}
	}
}

// A markFinder looks for markVar in an environment that comes in pieces.
type markFinder struct {
	carry []byte // the unfinished entry at the end of the last piece
	found string
}

var markPrefix = []byte(markVar + "=")

// feed takes the next piece and reports whether the mark has been found.
func (f *markFinder) feed(b []byte) bool {
	for len(b) > 0 {
		end := bytes.IndexByte(b, 0)
		if end < 0 {
			f.keep(b)
			return false
		}
		f.keep(b[:end])
		b = b[end+1:]
		if bytes.HasPrefix(f.carry, markPrefix) {
			f.found = string(f.carry[len(markPrefix):])
			return true
		}
		f.carry = f.carry[:0]
	}
	return false
}

// maxMark bounds what is kept of one entry: longer marks are not ours.
const maxMark = 4 << 10

func (f *markFinder) keep(b []byte) {
	f.carry = append(f.carry, b[:min(len(b), max(0, maxMark-len(f.carry)))]...)
}

// ticksNow is the present moment on the clock of proc.start, or a little
// before.
func ticksNow() uint64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return uint64(max(time.Duration(ts.Nano())/(time.Second/ticksPerSecond)-2, 0))
}
