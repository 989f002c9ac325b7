package procgroup

import (
	"os/exec"
	"runtime"
	"sync"
)

// A deathThread starts commands that are to die with the host. The kernel
// sends PR_SET_PDEATHSIG when the *thread* that started the child ends, not
// the process (golang/go#27505), and Go ends threads as it pleases; so these
// commands are all started from one goroutine that keeps its thread until
// close.
type deathThread struct {
	once   sync.Once
	starts chan func()
	done   chan struct{}
}

func newDeathThread() *deathThread {
	return &deathThread{starts: make(chan func()), done: make(chan struct{})}
}

func (t *deathThread) start(cmd *exec.Cmd) (err error) {
	t.once.Do(func() { go t.run() })
	result := make(chan error, 1)
	t.starts <- func() { result <- cmd.Start() }
	return <-result
}

func (t *deathThread) run() {
	defer close(t.done)
	runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
	for f := range t.starts {
		f()
	}
}

// close ends the thread, and with it whatever it started that still runs. No
// start may follow.
func (t *deathThread) close() {
	t.once.Do(func() { close(t.done) })
	close(t.starts)
	<-t.done
}
