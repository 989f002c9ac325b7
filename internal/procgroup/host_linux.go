package procgroup

import (
	"bytes"
	"math/bits"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// hostState is what a child would inherit from this process although nobody
// asked for it.
type hostState struct {
	// ignored and blocked are signal sets, bit n-1 for signal n.
	ignored, blocked uint64
	// lastOpen is the highest descriptor that would survive an exec, 0 when
	// there is none above 2.
	lastOpen int
}

// standardSignals are those that a child gets back to normal: 1 to 31 without
// SIGKILL and SIGSTOP. The real-time ones are nobody's default.
const standardSignals = (1<<31 - 1) &^ (1<<(syscall.SIGKILL-1) | 1<<(syscall.SIGSTOP-1))

// dirty reports whether signals would be inherited ignored or blocked.
func (h hostState) dirty() bool { return (h.ignored|h.blocked)&standardSignals != 0 }

// names lists the signals that would be inherited ignored or blocked.
func (h hostState) names() (names []string) {
	for set := (h.ignored | h.blocked) & standardSignals; set != 0; set &= set - 1 {
		names = append(names, syscall.Signal(bits.TrailingZeros64(set)+1).String())
	}
	return names
}

// A hostProbe reads the hostState, and spends on it at most one part in
// hostProbeShare of the time: with thousands of descriptors a look costs more
// than a fork.
type hostProbe struct {
	mu   sync.Mutex
	next time.Time
	last hostState
}

const (
	hostProbeShare = 20
	spareNumbers   = 8
)

func (h *hostProbe) get() hostState {
	h.mu.Lock()
	defer h.mu.Unlock()
	if begun := time.Now(); !begun.Before(h.next) {
		h.last = readHostState()
		h.next = begun.Add(hostProbeShare * time.Since(begun))
	}
	return h.last
}

// readHostState asks for this thread's status, because the main thread's mask
// is full for the moment that it forks.
func readHostState() hostState {
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return hostState{}
	}
	h, tableSize := parseStatus(b)
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) == nil {
		// One above the limit cannot be opened, though inherited, and the fork
		// needs some numbers above the last.
		tableSize = int(min(uint64(tableSize), max(limit.Cur, spareNumbers)-spareNumbers))
	}
	for fd := 3; fd < tableSize; fd++ {
		flags, _, errno := syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 {
			h.lastOpen = fd
		}
	}
	return h
}

// parseStatus reads SigIgn, SigBlk and FDSize of proc_pid_status(5).
func parseStatus(b []byte) (h hostState, tableSize int) {
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		v := string(bytes.TrimSpace(value))
		switch string(key) {
		case "SigIgn":
			h.ignored, _ = strconv.ParseUint(v, 16, 64)
		case "SigBlk":
			h.blocked, _ = strconv.ParseUint(v, 16, 64)
		case "FDSize":
			tableSize, _ = strconv.Atoi(v)
		}
	}
	return h, tableSize
}
