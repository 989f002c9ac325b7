package procgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStartErrorFaults(t *testing.T) {
	for err, want := range map[error]Fault{
		syscall.EAGAIN:           FaultResources, // RLIMIT_NPROC, pids.max
		syscall.ENOMEM:           FaultResources,
		syscall.EMFILE:           FaultResources,
		syscall.ENFILE:           FaultResources,
		syscall.ENOSPC:           FaultResources, // devpts, cgroup.max.descendants
		syscall.EBADF:            FaultResources, // dup3 beyond RLIMIT_NOFILE
		context.DeadlineExceeded: FaultResources,
		syscall.ENOENT:           FaultCommand,
		syscall.EACCES:           FaultCommand,
		syscall.ENOEXEC:          FaultCommand,
		syscall.ENOTDIR:          FaultCommand,
		syscall.EPERM:            FaultSystem,
		syscall.EINVAL:           FaultSystem,
	} {
		e := startError("/bin/x", fmt.Errorf("wrapped: %w", &fs.PathError{Op: "fork/exec", Path: "/bin/x", Err: err}))
		assert.Equal(t, want, e.Fault, "%v", err)
		assert.ErrorIs(t, e, err)
		assert.Equal(t, want == FaultResources, errors.Is(e, ErrExhausted), "%v", err)
	}
}
