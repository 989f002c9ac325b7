package procgroup

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A cgroup is one group's directory in the cgroup v2 hierarchy. Its processes
// cannot leave it without write access to another, so it also holds what has
// left the session and cleared its environment.
type cgroup string

// newCgroupBase makes the directory that holds the cgroups of one Manager and
// finds out, without running a program, whether a child can be born there. The
// descriptor holds a lock on it that tells the others of this kind from those
// whose host died, which are removed if they are empty.
func newCgroupBase(parent, id string) (base cgroup, lock int, err error) {
	if parent == "" {
		if parent, err = ownCgroup(); err != nil {
			return "", -1, err
		}
	}
	removeStaleBases(parent)
	base = cgroup(parent).child(basePrefix + id)
	if err := os.Mkdir(string(base), 0o755); err != nil {
		return "", -1, err
	}
	if lock, err = base.open(unix.O_RDONLY); err == nil {
		if err = unix.Flock(lock, unix.LOCK_EX|unix.LOCK_NB); err == nil {
			err = tryCgroup(lock)
		}
		if err != nil {
			unix.Close(lock)
		}
	}
	if err != nil {
		return "", -1, errors.Join(err, base.remove())
	}
	return base, lock, nil
}

const basePrefix = "pruvon-"

func removeStaleBases(parent string) {
	for _, name := range cgroup(parent).children() {
		if !strings.HasPrefix(name, basePrefix) {
			continue
		}
		c := cgroup(parent).child(name)
		fd, err := c.open(unix.O_RDONLY)
		if err != nil {
			continue
		}
		if unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == nil && !c.populated() {
			_ = c.remove()
		}
		unix.Close(fd)
	}
}

func (c cgroup) open(flags int) (fd int, err error) {
	fd, err = unix.Open(string(c), unix.O_DIRECTORY|unix.O_CLOEXEC|flags, 0)
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: string(c), Err: err}
	}
	return fd, nil
}

// create makes c and returns a descriptor to be born into.
func (c cgroup) create() (fd int, err error) {
	if err := os.Mkdir(string(c), 0o755); err != nil {
		return -1, err
	}
	if fd, err = c.open(unix.O_PATH); err != nil {
		return -1, errors.Join(err, c.remove())
	}
	return fd, nil
}

// tryCgroup forks a child into a cgroup that has nothing to execute. ENOENT means
// that it came as far as execve(2); before that stand the kernel (5.7), the
// permissions, a domain-threaded or controller-laden parent, and seccomp
// filters that do not know clone3(2).
func tryCgroup(fd int) error {
	_, err := syscall.ForkExec("", []string{""}, &syscall.ProcAttr{
		Sys: &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: fd},
	})
	if errors.Is(err, syscall.ENOENT) {
		return nil
	}
	return fmt.Errorf("clone into cgroup: %w", err)
}

// ownCgroup returns the directory of this process in the cgroup v2 hierarchy,
// which may stand beside v1 hierarchies (cgroups(7)).
func ownCgroup() (string, error) {
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	return cgroupDir(string(self), string(mounts))
}

var errNoCgroup = errors.New("no cgroup v2 hierarchy is mounted here")

// cgroupDir combines the line "0::/path" of /proc/self/cgroup with the mount
// of type cgroup2 in /proc/self/mountinfo that shows that path.
func cgroupDir(self, mounts string) (string, error) {
	var path string
	for _, line := range strings.Split(self, "\n") {
		if p, ok := strings.CutPrefix(line, "0::"); ok {
			path = p
		}
	}
	if !strings.HasPrefix(path, "/") || path == "/.." || strings.HasPrefix(path, "/../") {
		return "", errNoCgroup // none, or outside this cgroup namespace
	}
	for _, line := range strings.Split(mounts, "\n") {
		before, after, ok := strings.Cut(line, " - ")
		f := strings.Fields(before)
		if !ok || len(f) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		root, dir := unescapeMount(f[3]), unescapeMount(f[4])
		rel, err := filepath.Rel(root, path)
		if err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			return filepath.Join(dir, rel), nil
		}
	}
	return "", errNoCgroup
}

// unescapeMount undoes the octal escapes of proc_pid_mountinfo(5).
func unescapeMount(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// populated reports whether a process is alive in c or below, or may be
// because descriptors have run out. Zombies do not count.
func (c cgroup) populated() bool {
	b, err := os.ReadFile(filepath.Join(string(c), "cgroup.events"))
	return exhausted(err) || bytes.Contains(b, []byte("populated 1"))
}

// kill sends SIGKILL to all of c and below at once, also to what is being
// forked (Linux 5.14).
func (c cgroup) kill() {
	_ = os.WriteFile(filepath.Join(string(c), "cgroup.kill"), []byte("1"), 0)
}

// pids returns the processes in c and below.
func (c cgroup) pids() (pids []int) {
	if c == "" {
		return nil
	}
	_ = filepath.WalkDir(string(c), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		b, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
		for word := range bytes.FieldsSeq(b) {
			if pid, err := strconv.Atoi(string(word)); err == nil {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids
}

// remove removes c and what its processes made below it. The kernel refuses
// while a process lives there; one that is just exiting is waited for.
func (c cgroup) remove() error {
	var err error
	for range 50 { // 100 ms
		var dirs []string
		_ = filepath.WalkDir(string(c), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		err = nil
		for i := len(dirs) - 1; i >= 0; i-- {
			if e := unix.Rmdir(dirs[i]); e != nil && e != unix.ENOENT {
				err = &fs.PathError{Op: "rmdir", Path: dirs[i], Err: e}
			}
		}
		if err == nil || c.populated() {
			return err
		}
		time.Sleep(2 * time.Millisecond)
	}
	return err
}

// child returns the cgroup of that name below c, none if c is none.
func (c cgroup) child(name string) cgroup {
	if c == "" {
		return ""
	}
	return cgroup(filepath.Join(string(c), name))
}

// children returns the names of the cgroups directly below c.
func (c cgroup) children() (names []string) {
	if c == "" {
		return nil
	}
	entries, _ := os.ReadDir(string(c))
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}
