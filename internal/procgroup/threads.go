package procgroup

import (
	"runtime"
	"sync"
)

// reserveThreads has Go make n OS threads and keep them for later. Go makes a
// thread when a goroutine could run and every thread is held up in the kernel,
// and aborts the process when the kernel has none to give (RLIMIT_NPROC,
// pids.max): without a reserve the host would die of the one command too many
// that took the last place. A thread is never given back unless a goroutine
// ends that is locked to it, so a second reserve of the same size, another
// Manager's, finds the threads of the first idle and makes none.
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

// reserve is how many threads may be wanted at once: those that run Go code
// beside the caller's, one for each command that is being started, and what
// the Manager's owner holds.
func (c Config) reserve() int {
	starts := c.SpawnLimit
	if starts < 0 {
		starts = defaultSpawnLimit
	}
	return runtime.GOMAXPROCS(0) - 1 + starts + c.Threads
}
