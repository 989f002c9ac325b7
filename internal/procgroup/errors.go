package procgroup

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrClosed is returned by Start once Close has been called.
	ErrClosed = errors.New("procgroup: manager is closed")

	// ErrExhausted is wrapped by a StartError when the machine, not the
	// command, is the reason: no process, memory or descriptor is to be had,
	// or no spawn slot came free in time. The same command may well start
	// later; over HTTP this is a 503 with Retry-After.
	ErrExhausted = errors.New("procgroup: resources are exhausted")
)

// Fault says what could not be used when a command did not start.
type Fault string

// The faults of a StartError.
const (
	FaultCommand   Fault = "command"   // the program is missing or not executable
	FaultDir       Fault = "directory" // the working directory is missing or not accessible
	FaultResources Fault = "resources" // see ErrExhausted
	FaultSystem    Fault = "system"    // anything else
)

// A StartError is why a command was not started. It wraps the cause, and
// ErrExhausted when Fault is FaultResources.
//
// os/exec reports a missing working directory as if the program were missing
// ("fork/exec /bin/sh: no such file or directory"); here they are told apart.
type StartError struct {
	Fault Fault
	Path  string // the program or directory in question
	Err   error
}

func (e *StartError) Error() string {
	return fmt.Sprintf("start %s: %s: %v", e.Path, e.Fault, e.Err)
}

// Unwrap returns the cause, and ErrExhausted where that is what it amounts to.
func (e *StartError) Unwrap() []error {
	if e.Fault == FaultResources {
		return []error{e.Err, ErrExhausted}
	}
	return []error{e.Err}
}

// exhausted reports whether err means that a resource has run out. EAGAIN is
// RLIMIT_NPROC or pids.max (fork(2)), ENOSPC a full devpts or cgroup hierarchy,
// EBADF what dup3(2) says when package syscall moves a descriptor out of the
// way and beyond RLIMIT_NOFILE.
func exhausted(err error) bool {
	for _, e := range []error{
		syscall.EAGAIN, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.ENOSPC, syscall.EBADF,
		context.DeadlineExceeded,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func startError(path string, err error) *StartError {
	f := FaultSystem
	switch {
	case exhausted(err):
		f = FaultResources
	case errors.Is(err, syscall.ENOENT), errors.Is(err, syscall.EACCES),
		errors.Is(err, syscall.ENOEXEC), errors.Is(err, syscall.ENOTDIR):
		f = FaultCommand
	}
	return &StartError{Fault: f, Path: path, Err: err}
}
