package procgroup

import (
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestMarkFinder(t *testing.T) {
	long := strings.Repeat("x", 3*maxMark)
	for name, tc := range map[string]struct{ env, want string }{
		"first":         {markVar + "=a.b\x00PATH=/bin\x00", "a.b"},
		"last":          {"PATH=/bin\x00" + markVar + "=a.b\x00", "a.b"},
		"none":          {"PATH=/bin\x00X" + markVar + "=a\x00", ""},
		"inside":        {"X=" + markVar + "=a\x00", ""},
		"longer name":   {markVar + "2=a\x00", ""},
		"after a giant": {"X=" + long + "\x00" + markVar + "=a\x00", "a"},
		"unfinished":    {markVar + "=a", ""},
		"empty":         {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size <= len(tc.env)+1; size = size*3 + 1 {
				var f markFinder
				for b := []byte(tc.env); len(b) > 0; {
					n := min(size, len(b))
					if f.feed(b[:n]) {
						break
					}
					b = b[n:]
				}
				assert.Equal(t, tc.want, f.found, "in pieces of %d", size)
			}
		})
	}
}

func FuzzMarkFinder(f *testing.F) {
	f.Add([]byte("A=1\x00"+markVar+"=x\x00B=2\x00"), 3)
	f.Fuzz(func(t *testing.T, env []byte, size int) {
		// The slow reference: the whole environment, cut at its NULs.
		want, parts := "", strings.Split(string(env), "\x00")
		for _, kv := range parts[:len(parts)-1] {
			if v, ok := strings.CutPrefix(kv, markVar+"="); ok {
				want = v
				break
			}
		}
		if len(want) > maxMark/2 || size < 1 {
			return
		}
		var m markFinder
		for b := env; len(b) > 0; {
			n := min(size, len(b))
			if m.feed(b[:n]) {
				break
			}
			b = b[n:]
		}
		if m.found != want {
			t.Errorf("%q in pieces of %d: %q, want %q", env, size, m.found, want)
		}
	})
}

func TestParseStatus(t *testing.T) {
	h, size := parseStatus([]byte("Name:\tx\nFDSize:\t64\nSigBlk:\t0000000000010000\nSigIgn:\t0000000000000001\nSigCgt:\tffffffffffffffff\n"))
	assert.Equal(t, 64, size)
	assert.Equal(t, hostState{ignored: 1, blocked: 1 << 16}, h)
	assert.True(t, h.dirty())
	assert.Equal(t, []string{syscall.SIGHUP.String(), syscall.SIGCHLD.String()}, h.names())

	for set, dirty := range map[uint64]bool{
		0:                          false,
		1 << (syscall.SIGINT - 1):  true,
		1 << (syscall.SIGKILL - 1): false,
		1 << 33:                    false, // real-time
	} {
		assert.Equal(t, dirty, hostState{ignored: set}.dirty(), "%x", set)
	}
	_, size = parseStatus([]byte("nonsense"))
	assert.Zero(t, size)
}

func TestCgroupDir(t *testing.T) {
	const (
		unified = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
		hybrid  = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
		bind    = "50 23 0:26 /system.slice /mnt/my\\040cg rw - cgroup2 cgroup2 rw\n"
	)
	for name, tc := range map[string]struct{ self, mounts, want string }{
		"unified":               {"0::/system.slice/pruvon.service\n", unified, "/sys/fs/cgroup/system.slice/pruvon.service"},
		"hybrid":                {"9:name=systemd:/x\n8:pids:/y\n0::/z\n", hybrid, "/sys/fs/cgroup/unified/z"},
		"root":                  {"0::/\n", unified, "/sys/fs/cgroup"},
		"bind of a part":        {"0::/system.slice/a\n", bind, "/mnt/my cg/a"},
		"bind of another part":  {"0::/user.slice/a\n", bind, ""},
		"the better mount":      {"0::/user.slice/a\n", bind + unified, "/sys/fs/cgroup/user.slice/a"},
		"outside the namespace": {"0::/../../a\n", unified, ""},
		"version 1 only":        {"8:pids:/y\n", hybrid, ""},
		"not mounted":           {"0::/a\n", "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n", ""},
		"names that look alike": {"0::/system.slice.x/a\n", bind, ""},
		"a dotted name is fine": {"0::/..a/b\n", unified, "/sys/fs/cgroup/..a/b"},
		"nothing":               {"", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := cgroupDir(tc.self, tc.mounts)
			assert.Equal(t, tc.want, got)
			assert.Equal(t, tc.want == "", err != nil)
		})
	}
}
