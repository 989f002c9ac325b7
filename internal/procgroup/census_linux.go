package procgroup

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is USER_HZ, the unit of /proc/PID/stat, which is 100 on every
// architecture that Go runs on.
const ticksPerSecond = 100

// A census takes snapshots. A scan of /proc costs some 20 µs for each process
// of the machine, so those who ask at the same time share one: a thousand
// endings need a handful of scans, not a thousand.
type census struct {
	oldest uint64 // processes started before this tick carry no mark of ours
	spawn  func(func())

	mu       sync.Mutex // guards the following
	scanning bool
	waiting  []chan *snapshot

	// Owned by the one scanning goroutine.
	marks map[ident]string // marks already read; a mark found is kept
	buf   []byte
}

// get returns a snapshot that was begun after the call.
func (c *census) get() *snapshot {
	ch := make(chan *snapshot, 1)
	c.mu.Lock()
	c.waiting = append(c.waiting, ch)
	if !c.scanning {
		c.scanning = true
		c.spawn(c.scan)
	}
	c.mu.Unlock()
	return <-ch
}

func (c *census) scan() {
	for {
		c.mu.Lock()
		waiting := c.waiting
		c.waiting = nil
		if len(waiting) == 0 {
			c.scanning = false
			c.mu.Unlock()
			return
		}
		c.mu.Unlock()
		s := c.take()
		for _, ch := range waiting {
			ch <- s
		}
	}
}

// take reads /proc once. Where it cannot be read the snapshot is empty.
func (c *census) take() *snapshot {
	if c.buf == nil {
		c.buf = make([]byte, 16<<10)
	}
	var procs []proc
	byPid := make(map[int]string)
	marks := make(map[ident]string)
	for _, pid := range listPids() {
		p, ok := readProc(pid, c.buf)
		if !ok || p.dead {
			continue
		}
		procs = append(procs, p)
		if p.start < c.oldest {
			continue
		}
		mark, seen := c.marks[p.ident()]
		if !seen {
			mark = readMark(pid, c.buf)
		}
		if mark != "" {
			marks[p.ident()] = mark
			byPid[pid] = mark
		}
	}
	c.marks = marks
	return newSnapshot(procs, byPid)
}

func listPids() []int {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	pids := make([]int, 0, len(names))
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// readProc reads one process; false when there is none. Plain system calls
// here and below: os.File would try to register each descriptor with the
// poller.
func readProc(pid int, buf []byte) (proc, bool) {
	fd, err := openProc(pid, "/stat")
	if err != nil {
		return proc{}, false
	}
	defer unix.Close(fd)
	return parseStat(buf[:readSome(fd, buf)])
}

// readMark returns the value of markVar in the environment that pid was
// executed with, "" when it has none or the kernel does not show it to us.
func readMark(pid int, buf []byte) string {
	fd, err := openProc(pid, "/environ")
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var f markFinder
	for n := readSome(fd, buf); n > 0; n = readSome(fd, buf) {
		if f.feed(buf[:n]) {
			break
		}
	}
	return f.found
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

// bootTicks is the present moment on the clock of proc.start.
func bootTicks() uint64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	d := time.Duration(ts.Nano())
	return uint64(d / (time.Second / ticksPerSecond))
}
