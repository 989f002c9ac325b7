package procfs

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
)

// Zombies returns how many children of pid have ended without being waited for.
func Zombies(pid int) (n int) {
	each(func(p int) {
		if s, err := readStat(p); err == nil && s.parent == pid && s.state == 'Z' {
			n++
		}
	})
	return n
}

// WithArgument returns how many live processes other than except have the given text in their command
// line. With a text that nobody else uses it finds a server's descendants, also those that have left it;
// the server itself, which may have been told the text, is the exception.
func WithArgument(text string, except int) (n int) {
	each(func(p int) {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p))
		if err == nil && p != except && bytes.Contains(line, []byte(text)) {
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
