package terminal

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const diskEnv = "PRUVON_TEST_DISK"

// A disk of its own, four MiB large, is full for a while: the recording goes on
// where it stopped, and says what it has no place for.
func TestRecorderOnAFullDisk(t *testing.T) {
	if dir := os.Getenv(diskEnv); dir != "" {
		recordOnFullDisk(t, dir)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestRecorderOnAFullDisk$", "-test.v")
	cmd.Env = append(os.Environ(), diskEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func recordOnFullDisk(t *testing.T, dir string) {
	require.NoError(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	require.NoError(t, syscall.Mount("none", dir, "tmpfs", 0, "size=4m"))
	filler := filepath.Join(dir, "filler")
	require.NoError(t, os.WriteFile(filler, make([]byte, 3<<20), 0o600))
	f, err := os.Create(filepath.Join(dir, "session.cast"))
	require.NoError(t, err)
	r := record(f, RecordBestEffort, 0)

	var all []byte
	for i := 0; r.lostSoFar() == 0 && i < 20_000; i++ {
		p := fmt.Appendf(nil, "%07d %s\r\n", i, strings.Repeat("x", 1000))
		r.Output(p)
		all = append(all, p...)
	}
	require.NoError(t, os.Remove(filler))
	require.Eventually(t, func() bool { return r.behind() == 0 }, 20*time.Second, time.Millisecond, "the recording does not go on")
	r.Output([]byte("after\r\n"))
	all = append(all, "after\r\n"...)
	require.NoError(t, r.Close("exit code 0"))

	cast, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	_, events, output, _ := replay(t, cast)
	lost := r.lost.Load()
	require.Positive(t, lost)
	require.Equal(t, len(all), len(output)+int(lost))
	require.True(t, bytes.Equal(append(all[:len(output)-7:len(output)-7], "after\r\n"...), output))
	require.Equal(t, []string{fmt.Sprintf("gap: %d bytes were not recorded", lost), "exit: exit code 0"}, ofCode(events, "m"))
}

func (r *recorder) lostSoFar() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lost
}
