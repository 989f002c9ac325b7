//go:build !linux

package terminal

// closeOnExec relies on Go, which opens every descriptor close-on-exec.
func closeOnExec() {}
