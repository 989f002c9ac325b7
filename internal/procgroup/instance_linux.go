package procgroup

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// An instance is the directory StateDir/instance-ID that stands for one living
// Manager. Its file "lock" is locked (flock(2)) until the process ends, in
// whatever way, and holds a header; beside it lies one small file for each
// group. A lock that can be taken means that the host is gone.
type instance struct {
	dir  string
	id   string
	lock *os.File

	mu sync.Mutex // guards writing the header
	h  header
}

type header struct {
	Boot   string `json:"boot"`             // kernel's boot and pid namespace: outside, numbers mean nothing
	Ticks  uint64 `json:"ticks"`            // start of the Manager
	Cgroup string `json:"cgroup,omitempty"` // base of the groups' cgroups
}

// A record is one group as it was started.
type record struct {
	Pid   int    `json:"pid"`
	Start uint64 `json:"start"`
}

const (
	instancePrefix = "instance-"
	lockName       = "lock"
)

func newInstance(stateDir, id string) (_ *instance, err error) {
	if stateDir, err = filepath.Abs(stateDir); err != nil { // the host may chdir
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	unlock, err := lockStateDir(stateDir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	i := &instance{id: id, dir: filepath.Join(stateDir, instancePrefix+id)}
	if err := os.Mkdir(i.dir, 0o700); err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(i.dir)
		}
	}()
	if i.lock, err = tryLock(i.dir, os.O_CREATE|os.O_EXCL); err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	i.h = header{Boot: bootID(), Ticks: ticksNow()}
	if err := i.writeHeader(); err != nil {
		i.lock.Close()
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	return i, nil
}

// lockStateDir keeps Orphans of another process from looking at an instance
// between the making of its directory and the taking of its lock.
func lockStateDir(dir string) (unlock func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("StateDir: lock: %w", err)
	}
	return func() { f.Close() }, nil
}

// tryLock opens and locks an instance's lock file; unix.EWOULDBLOCK means that
// its host lives.
func tryLock(dir string, flags int) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		return nil, os.NewSyscallError("flock", err)
	}
	return f, nil
}

func (i *instance) writeHeader() error {
	b, err := json.Marshal(i.h)
	if err != nil {
		return err
	}
	_, err = i.lock.WriteAt(append(b, '\n'), 0) // a header only ever grows
	return err
}

func (i *instance) setCgroup(base string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.h.Cgroup = base
	_ = i.writeHeader()
}

func (i *instance) record(mark string, r record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(i.dir, mark), b, 0o600)
}

func (i *instance) erase(mark string) { _ = os.Remove(filepath.Join(i.dir, mark)) }

// close removes the instance, or, when something of it still runs, leaves it
// for the next start to find.
func (i *instance) close(clean bool) error {
	var err error
	if clean {
		err = os.RemoveAll(i.dir)
	}
	return errors.Join(err, i.lock.Close())
}

// deadInstances takes the locks of all instances whose host is gone.
func deadInstances(stateDir string) ([]*instance, error) {
	unlock, err := lockStateDir(stateDir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	entries, err := os.ReadDir(stateDir)
	if err != nil {
		return nil, fmt.Errorf("StateDir: %w", err)
	}
	var dead []*instance
	for _, e := range entries {
		id, ok := strings.CutPrefix(e.Name(), instancePrefix)
		if !ok || !e.IsDir() {
			continue
		}
		dir := filepath.Join(stateDir, e.Name())
		lock, err := tryLock(dir, 0)
		switch {
		case errors.Is(err, unix.EWOULDBLOCK):
			continue
		case errors.Is(err, os.ErrNotExist):
			_ = os.RemoveAll(dir) // died between mkdir and open: it started nothing
			continue
		case err != nil:
			return dead, fmt.Errorf("StateDir: %w", err)
		}
		i := &instance{id: id, dir: dir, lock: lock}
		_ = json.NewDecoder(lock).Decode(&i.h) // unreadable: a crash before the first start
		dead = append(dead, i)
	}
	return dead, nil
}

// records returns what i's groups were, by mark.
func (i *instance) records() map[string]record {
	entries, _ := os.ReadDir(i.dir)
	all := make(map[string]record, len(entries))
	for _, e := range entries {
		var r record
		b, err := os.ReadFile(filepath.Join(i.dir, e.Name()))
		if e.Name() != lockName && err == nil && json.Unmarshal(b, &r) == nil && r.Pid > 1 && r.Start > 0 {
			all[e.Name()] = r
		}
	}
	return all
}

// bootID names the running kernel and the pid namespace.
func bootID() string {
	b, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	ns, _ := os.Readlink("/proc/self/ns/pid")
	return strings.TrimSpace(string(b)) + " " + ns
}
