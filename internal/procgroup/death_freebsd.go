package procgroup

import "syscall"

// setDeathSignal uses procctl(2) PROC_PDEATHSIG_CTL, which, unlike Linux,
// means the parent process and not the thread.
func setDeathSignal(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
