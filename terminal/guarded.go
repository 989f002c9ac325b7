package terminal

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/pruvon/pruvon/internal/gate"
)

// guarded is a Process of the host's. Its methods run in goroutines of ours,
// where a panic would end the whole program; here it ends the session.
type guarded struct {
	p Process
}

// Read implements [Process].
func (g guarded) Read(b []byte) (n int, err error) {
	defer gate.Caught("Process.Read", &err)
	n, err = g.p.Read(b)
	if n < 0 || n > len(b) {
		return 0, fmt.Errorf("the process's Read returned %d for %d bytes", n, len(b))
	}
	return n, err
}

// Write implements [Process].
func (g guarded) Write(b []byte) (n int, err error) {
	defer gate.Caught("Process.Write", &err)
	n, err = g.p.Write(b)
	if n < 0 || n > len(b) {
		return 0, fmt.Errorf("the process's Write returned %d for %d bytes", n, len(b))
	}
	return n, err
}

// Close implements [Process].
func (g guarded) Close() (err error) {
	defer gate.Caught("Process.Close", &err)
	return g.p.Close()
}

// Resize implements [Process].
func (g guarded) Resize(s Size) (err error) {
	defer gate.Caught("Process.Resize", &err)
	return g.p.Resize(s)
}

// Signal implements [Process].
func (g guarded) Signal(sig os.Signal) (err error) {
	defer gate.Caught("Process.Signal", &err)
	return g.p.Signal(sig)
}

// Wait implements [Process].
func (g guarded) Wait() (x Exit, err error) {
	x.Code = -1
	defer gate.Caught("Process.Wait", &err)
	return g.p.Wait()
}

// End implements [Process].
func (g guarded) End(ctx context.Context) (survivors int, err error) {
	defer gate.Caught("Process.End", &err)
	return g.p.End(ctx)
}

// Echoes implements [Echoer].
func (g guarded) Echoes() bool {
	var err error
	defer gate.Caught("Echoer.Echoes", &err)
	e, ok := g.p.(Echoer)
	return ok && e.Echoes()
}

// guardedWriter is where the host keeps a recording. The recorder writes to it
// in a goroutine of ours.
type guardedWriter struct {
	w io.WriteCloser
}

// Write implements [io.Writer].
func (g guardedWriter) Write(b []byte) (n int, err error) {
	defer gate.Caught("recording's Write", &err)
	n, err = g.w.Write(b)
	if n < 0 || n > len(b) {
		return 0, fmt.Errorf("the recording's Write returned %d for %d bytes", n, len(b))
	}
	return n, err
}

// Close implements [io.Closer].
func (g guardedWriter) Close() (err error) {
	defer gate.Caught("recording's Close", &err)
	return g.w.Close()
}
