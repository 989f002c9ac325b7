package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Tmpfs mounts a file system of its own on dir, which it makes. The process must be isolated.
func Tmpfs(tb testing.TB, dir, size string) {
	tb.Helper()
	err := errors.Join(os.MkdirAll(dir, 0o755), private(), syscall.Mount("tmpfs", dir, "tmpfs", 0, "mode=755,size="+size))
	if err != nil {
		tb.Fatalf("a tmpfs on %s: %v", dir, err)
	}
	tb.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
}

// Terminals gives the isolated process, and what it starts, so many pseudo-terminals and no more.
func Terminals(tb testing.TB, most int) {
	tb.Helper()
	err := errors.Join(private(),
		syscall.Mount("devpts", "/dev/pts", "devpts", 0, fmt.Sprintf("newinstance,ptmxmode=0666,max=%d", most)),
		syscall.Mount("/dev/pts/ptmx", "/dev/ptmx", "", syscall.MS_BIND, ""))
	if err != nil {
		tb.Fatalf("a devpts: %v", err)
	}
}

// private keeps the mounts from the namespace that this one was copied from.
func private() error { return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") }

// Fill takes all the space that is left below dir, and what becomes free later, until free is called.
func Fill(tb testing.TB, dir string) (free func()) {
	tb.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	stop, full, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		isFull := sync.OnceFunc(func() { close(full) })
		for size := 1 << 20; ; {
			select {
			case <-stop:
				return
			default:
			}
			if n, err := f.Write(make([]byte, size)); err != nil && n == 0 {
				if size = max(size/2, 1); size == 1 {
					isFull()
					time.Sleep(100 * time.Microsecond)
				}
			}
		}
	}()
	<-full
	return func() {
		tb.Helper()
		close(stop)
		<-stopped
		if err := errors.Join(f.Close(), os.Remove(path)); err != nil {
			tb.Fatal(err)
		}
	}
}
