package procgroup

import (
	"bytes"
	"strconv"
)

// A proc is what /proc/PID/stat says about a process (proc_pid_stat(5)).
type proc struct {
	pid, ppid, pgid, sid int
	start                uint64 // in clock ticks since boot; with pid it names one process for ever
	dead                 bool   // exited, not yet reaped
	kernel               bool   // a thread of the kernel
}

// kernelThread is PF_KTHREAD of linux/sched.h.
const kernelThread = 0x00200000

// parseStat reads one line of /proc/PID/stat. The second field is the name of
// the program in parentheses, which may itself hold blanks, parentheses and
// newlines, so everything is counted from the last one.
func parseStat(line []byte) (p proc, ok bool) {
	open, end := bytes.IndexByte(line, '('), bytes.LastIndexByte(line, ')')
	if open < 1 || end < open || end+2 > len(line) {
		return proc{}, false
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(line[:open])))
	if err != nil || pid <= 0 {
		return proc{}, false
	}
	p.pid = pid
	var state byte
	var threads, flags uint64
	field := 2
	for rest := line[end+1:]; len(rest) > 0 && field < 22; {
		rest = bytes.TrimLeft(rest, " \n")
		n := bytes.IndexAny(rest, " \n")
		if n < 0 {
			n = len(rest)
		}
		word := rest[:n]
		rest = rest[n:]
		field++
		switch field {
		case 3:
			if len(word) != 1 {
				return proc{}, false
			}
			state = word[0]
		case 4:
			p.ppid, ok = atoi(word)
		case 5:
			p.pgid, ok = atoi(word)
		case 6:
			p.sid, ok = atoi(word)
		case 9:
			flags, ok = atou(word)
		case 20:
			threads, ok = atou(word)
		case 22:
			p.start, ok = atou(word)
		default:
			continue
		}
		if !ok && field != 3 {
			return proc{}, false
		}
	}
	// A process whose first thread has exited while others run also shows Z.
	p.dead = state == 'X' || state == 'Z' && threads <= 1
	p.kernel = flags&kernelThread != 0
	return p, field == 22
}

func atoi(b []byte) (int, bool) {
	n, ok := atou(b)
	return int(n), ok && n <= 1<<31-1
}

func atou(b []byte) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 19 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}
