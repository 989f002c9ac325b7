//go:build unix && !linux && !freebsd

package procgroup

import "syscall"

// setDeathSignal does nothing: there is no such signal.
func setDeathSignal(*syscall.SysProcAttr) {}
