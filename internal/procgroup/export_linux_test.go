package procgroup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Probe is the signal that only asks.
const Probe = syscall.Signal(0)

// StartOf returns the start of a process.
func StartOf(pid int) uint64 {
	p, _ := readProc(pid, make([]byte, 1024))
	return p.start
}

// StateOf returns the state letter of a process.
func StateOf(pid int) byte {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if i := bytes.LastIndexByte(b, ')'); i >= 0 && len(b) > i+2 {
		return b[i+2]
	}
	return 0
}

// StrangerForTest starts a process of no Manager, in a session of its own.
func StrangerForTest(t *testing.T) *exec.Cmd {
	cmd := exec.Command("sleep", "3600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

// ForgeInstance writes what a crashed instance would have left: one group.
func ForgeInstance(t *testing.T, dir, boot string, pid int, start uint64) {
	if boot == "" {
		boot = bootID()
	}
	write := func(name string, v any) {
		b, err := json.Marshal(v)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	write(lockName, header{Boot: boot})
	write("FORGED.GROUP", record{Pid: pid, Start: start})
}

// HasCgroups reports whether m's groups get cgroups.
func HasCgroups(t *testing.T, m *Manager) bool {
	m.cgroupOnce.Do(m.openCgroups)
	return m.cgroupBase != ""
}

// CgroupBase returns the directory of m's cgroups.
func CgroupBase(m *Manager) string { return string(m.cgroupBase) }

// Traces returns what m keeps in its state directory and cgroup for groups.
func Traces(t *testing.T, m *Manager) []string {
	entries, err := os.ReadDir(m.instance.dir)
	if err != nil {
		t.Fatal(err)
	}
	traces := m.cgroupBase.children()
	for _, e := range entries {
		if e.Name() != lockName {
			traces = append(traces, e.Name())
		}
	}
	return traces
}

// Look takes one look at g as an ending does, and returns what then sends
// SIGKILL to what it has found.
func Look(g *Group) (kill func()) {
	t := g.tree()
	t.look()
	return func() { t.signal(syscall.SIGKILL) }
}
