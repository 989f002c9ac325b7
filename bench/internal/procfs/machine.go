package procfs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Busy returns the share of all processors, 0 to 1, that was busy for the given time, by whatever
// process, with the time stolen by a hypervisor. The caller does nothing meanwhile, so what is busy
// is busy for others.
func Busy(ctx context.Context, d time.Duration) (float64, error) {
	busy, total, err := machineTimes()
	if err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(d):
	}
	busy2, total2, err := machineTimes()
	if err != nil || total2 == total {
		return 0, err
	}
	return float64(busy2-busy) / float64(total2-total), nil
}

func machineTimes() (busy, total int64, err error) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, err
	}
	return parseTimes(b)
}

// parseTimes reads the first line of /proc/stat. Guest time is part of user time, so the last two of
// its ten fields are left out.
func parseTimes(b []byte) (busy, total int64, err error) {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	f := strings.Fields(string(line))
	if len(f) < 9 || f[0] != "cpu" {
		return 0, 0, fmt.Errorf("malformed line %q in /proc/stat", line)
	}
	for i, s := range f[1:9] {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("malformed line in /proc/stat: %w", err)
		}
		total += n
		if i != 3 && i != 4 { // idle, iowait
			busy += n
		}
	}
	return busy, total, nil
}

// Processor returns the name of the first processor.
func Processor() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, ok := strings.CutPrefix(line, "model name"); ok {
			return strings.Trim(name, " \t:\n")
		}
	}
	return "unknown processor"
}

// Kernel returns the kernel's release.
func Kernel() string {
	b, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(b))
}

// Memory returns the machine's memory in bytes.
func Memory() int64 {
	b, _ := os.ReadFile("/proc/meminfo")
	return field(append([]byte("\n"), b...), "MemTotal") << 10
}
