package procgroup

import (
	"encoding/json"
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

// KillUnseen sends SIGKILL to g as an ending does whose looks have missed
// everything.
func KillUnseen(g *Group) { g.tree().signal(syscall.SIGKILL) }
