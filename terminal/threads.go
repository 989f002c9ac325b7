package terminal

import (
	"runtime"
	"sync"
)

// threadReserve is how many OS threads this package can keep busy beside those
// that run Go code: starts, openings and readers that wait in the kernel.
const threadReserve = 2*spawnLimit + busyReaders

// reserveThreads has Go make the threads that terminals will need, and keep
// them for later. Go makes a thread when a goroutine could run and every thread
// is held up in the kernel, and aborts the process when the kernel has none to
// give (RLIMIT_NPROC, pids.max): without a reserve the host would die of the
// one shell too many that took the last place. A thread is never given back
// unless a goroutine ends that is locked to it.
func reserveThreads(n int) {
	var made, over sync.WaitGroup
	made.Add(n)
	for range n {
		over.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			made.Done()
			made.Wait()
		})
	}
	over.Wait()
}
