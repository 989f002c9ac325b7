package procfs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Children returns how many processes have pid as their parent, zombies among them.
func Children(pid int) (n int) {
	each(func(p int) {
		if s, err := readStat(p); err == nil && s.parent == pid {
			n++
		}
	})
	return n
}

// WithArgument returns how many live processes have the given text in their command line. With a
// text that nobody else uses it finds the descendants that have left their parent, too.
func WithArgument(text string) (n int) {
	self := os.Getpid()
	each(func(p int) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
		if err == nil && p != self && bytes.Contains(line, []byte(text)) {
			n++
		}
	})
	return n
}

func each(f func(pid int)) {
	d, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			f(pid)
		}
	}
}
