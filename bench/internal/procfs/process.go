package procfs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc: USER_HZ, which is 100 on every architecture that Go
// supports.
const tick = 10 * time.Millisecond

// Usage is what a process has used and holds. Times and memory of its children are not part of it.
type Usage struct {
	CPU         time.Duration // user and system time since it started, in steps of 10 ms
	RSS         int64         // resident bytes
	Anon        int64         // resident bytes that no file backs: heap and stacks
	Peak        int64         // largest RSS so far
	Threads     int
	Descriptors int
}

// Read returns the usage of a process. Another user's descriptors cannot be counted and are 0.
func Read(pid int) (Usage, error) {
	var u Usage
	stat, err := readStat(pid)
	if err != nil {
		return u, err
	}
	u.CPU = time.Duration(stat.user+stat.system) * tick
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	u.RSS = field(status, "VmRSS") << 10
	u.Anon = field(status, "RssAnon") << 10
	u.Peak = field(status, "VmHWM") << 10
	u.Threads = int(field(status, "Threads"))
	if open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid)); err == nil {
		u.Descriptors = len(open)
	}
	return u, nil
}

// field is the number behind a name in /proc/PID/status.
func field(status []byte, name string) int64 {
	_, rest, ok := bytes.Cut(status, []byte("\n"+name+":"))
	if !ok {
		return 0
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	value, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
	n, _ := strconv.ParseInt(value, 10, 64)
	return n
}

type processStat struct {
	state        byte
	parent       int
	user, system int64
}

func readStat(pid int) (processStat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return processStat{}, err
	}
	return parseStat(b)
}

// parseStat reads a line of /proc/PID/stat. The name, in parentheses, may hold anything, further
// parentheses and blanks too; the other fields follow its last one.
func parseStat(b []byte) (processStat, error) {
	i := bytes.LastIndexByte(b, ')')
	f := strings.Fields(string(b[i+1:]))
	if i < 0 || len(f) < 13 {
		return processStat{}, fmt.Errorf("malformed stat line %q", b)
	}
	var s processStat
	var errs [3]error
	s.state = f[0][0]
	s.parent, errs[0] = strconv.Atoi(f[1])
	s.user, errs[1] = strconv.ParseInt(f[11], 10, 64)
	s.system, errs[2] = strconv.ParseInt(f[12], 10, 64)
	for _, err := range errs {
		if err != nil {
			return processStat{}, fmt.Errorf("malformed stat line: %w", err)
		}
	}
	return s, nil
}
