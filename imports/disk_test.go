package imports_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// TestFullDisk runs a server on a tmpfs of 2 MiB in a mount namespace of its
// own (in a user namespace, when the tests do not run as root).
func TestFullDisk(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PRUVON_TEST_ROLE=full-disk", "PRUVON_TEST_DIR="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func TestSpaceIsReservedForOpenUploads(t *testing.T) {
	s := start(t, func(c *imports.Config) { c.UserBytes = 1000 })
	id := s.begin(600)
	a := s.do("POST", "/db", nil, "Upload-Complete", "?0", "Upload-Length", "600")
	require.Equal(t, 507, a.StatusCode)
	require.Equal(t, "quota", a.problem())
	require.Equal(t, 202, s.do("POST", "/db/"+id+"/cancel", nil).StatusCode)
	again := s.begin(600)
	require.Equal(t, 204, s.patch(again, 0, false, "hello").StatusCode)
	require.Equal(t, 507, s.do("POST", "/db", nil, "Upload-Complete", "?0", "Upload-Length", "401").StatusCode)
	require.Equal(t, 201, s.do("POST", "/db", nil, "Upload-Complete", "?0", "Upload-Length", "400").StatusCode)
}

func TestOpenUploadsAreCapped(t *testing.T) {
	s := start(t, func(c *imports.Config) { c.OpenUploads = 2 })
	id := s.begin(10)
	s.begin(10)
	a := s.do("POST", "/db", nil, "Upload-Complete", "?0", "Upload-Length", "10")
	require.Equal(t, 429, a.StatusCode)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	s.do("DELETE", "/db/"+id+"/content", nil)
	s.begin(10)
}
