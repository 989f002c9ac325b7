package terminal

import (
	"math"

	"golang.org/x/sys/unix"
)

// closeOnExec marks every descriptor above the standard ones close-on-exec, so
// that a command inherits none: what a service manager passed to the host, or
// a careless library opened, would stay open in every shell. It is one system
// call (close_range, Linux 5.11; older kernels refuse the flag). Descriptors
// that a host passes on with ExtraFiles are duplicated in the child and not
// affected.
func closeOnExec() {
	_ = unix.CloseRange(3, math.MaxInt32, unix.CLOSE_RANGE_CLOEXEC)
}
