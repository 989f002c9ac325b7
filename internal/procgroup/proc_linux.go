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
	oldest uint64           // processes started before this tick carry no mark that matters
	marks  map[ident]string // marks found by the last take; a mark once found is kept
	buf    []byte
}

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
	if r.buf == nil {
		r.buf = make([]byte, 16<<10)
	}
	pids, err := listPids()
	partial := exhausted(err)
	var procs []proc
	byPid := make(map[int]string)
	marks := make(map[ident]string)
	for _, pid := range pids {
		p, err := readProc(pid, r.buf)
		if err != nil || p.dead {
			partial = partial || exhausted(err)
			continue
		}
		procs = append(procs, p)
		if p.start < r.oldest {
			continue
		}
		mark, seen := r.marks[p.ident()]
		if !seen {
			mark, err = readMark(pid, r.buf)
			partial = partial || exhausted(err)
		}
		if mark != "" {
			marks[p.ident()] = mark
			byPid[pid] = mark
		}
	}
	r.marks = marks
	s := newSnapshot(procs, byPid)
	s.partial = partial
	return s
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
// executed with, "" when it has none or the kernel does not show it to us.
func readMark(pid int, buf []byte) (string, error) {
	fd, err := openProc(pid, "/environ")
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	var f markFinder
	for n := readSome(fd, buf); n > 0; n = readSome(fd, buf) {
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
