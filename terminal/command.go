package terminal

import (
	"context"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/internal/procgroup"
)

// command is the Process of a Terminal's Command.
type command struct {
	pty   *ptyPair
	group *procgroup.Group
	ptyReader
}

// Write implements [Process].
func (c *command) Write(b []byte) (int, error) { return c.pty.master.Write(b) }

// Close implements [Process].
func (c *command) Close() error { return c.pty.master.Close() }

// Resize implements [Process].
func (c *command) Resize(s Size) error { return c.pty.resize(s) }

// Signal implements [Process].
func (c *command) Signal(sig os.Signal) error { return c.group.Signal(sig) }

// End implements [Process].
func (c *command) End(ctx context.Context) (int, error) { return c.group.End(ctx) }

// Wait implements [Process].
func (c *command) Wait() (Exit, error) {
	<-c.group.Done()
	e := c.group.Exit()
	x := Exit{Code: e.Code}
	if e.Signal != 0 {
		x.Code, x.Signal = -1, signalName(e.Signal)
	}
	return x, e.Err
}

// tryWrite writes what the pty takes at once.
func (c *command) tryWrite(b []byte) (n int) {
	_ = c.pty.raw.Write(func(fd uintptr) bool {
		n, _ = unix.Write(int(fd), b)
		return true // whatever came of it: do not wait
	})
	return max(n, 0)
}

// Echoes implements [Echoer].
func (c *command) Echoes() bool { return c.pty.echoes() }

func signalName(s unix.Signal) string {
	return strings.TrimPrefix(unix.SignalName(s), "SIG")
}

// exitResult is what Wait returned.
type exitResult struct {
	exit Exit
	err  error
}

// watcher is a process whose end can be waited for without a goroutine.
type watcher interface {
	exited() <-chan struct{}
}

func (c *command) exited() <-chan struct{} { return c.group.Done() }

// watchExit returns a channel that is closed once result may be called. For a
// process that is no watcher a goroutine waits.
func watchExit(p Process) (exited <-chan struct{}, result func() exitResult) {
	if w, ok := p.(watcher); ok {
		return w.exited(), func() exitResult {
			x, err := p.Wait()
			return exitResult{x, err}
		}
	}
	var got exitResult
	c := make(chan struct{})
	go func() {
		defer close(c)
		got.exit, got.err = p.Wait()
	}()
	return c, func() exitResult { return got }
}
