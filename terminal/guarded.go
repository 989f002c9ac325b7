package terminal

import (
	"context"
	"fmt"
	"os"
)

// guarded is a Process of the host's. Its methods run in goroutines of ours,
// where a panic would end the whole program; here it ends the session.
type guarded struct {
	p Process
}

func caught(method string, err *error) {
	if v := recover(); v != nil {
		*err = fmt.Errorf("the process's %s panicked: %v", method, v)
	}
}

// Read implements [Process].
func (g guarded) Read(b []byte) (n int, err error) {
	defer caught("Read", &err)
	n, err = g.p.Read(b)
	if n < 0 || n > len(b) {
		return 0, fmt.Errorf("the process's Read returned %d for %d bytes", n, len(b))
	}
	return n, err
}

// Write implements [Process].
func (g guarded) Write(b []byte) (n int, err error) {
	defer caught("Write", &err)
	n, err = g.p.Write(b)
	if n < 0 || n > len(b) {
		return 0, fmt.Errorf("the process's Write returned %d for %d bytes", n, len(b))
	}
	return n, err
}

// Close implements [Process].
func (g guarded) Close() (err error) {
	defer caught("Close", &err)
	return g.p.Close()
}

// Resize implements [Process].
func (g guarded) Resize(s Size) (err error) {
	defer caught("Resize", &err)
	return g.p.Resize(s)
}

// Signal implements [Process].
func (g guarded) Signal(sig os.Signal) (err error) {
	defer caught("Signal", &err)
	return g.p.Signal(sig)
}

// Wait implements [Process].
func (g guarded) Wait() (x Exit, err error) {
	x.Code = -1
	defer caught("Wait", &err)
	return g.p.Wait()
}

// End implements [Process].
func (g guarded) End(ctx context.Context) (survivors int, err error) {
	defer caught("End", &err)
	return g.p.End(ctx)
}

// Echoes implements [Echoer].
func (g guarded) Echoes() bool {
	var err error
	defer caught("Echoes", &err)
	e, ok := g.p.(Echoer)
	return ok && e.Echoes()
}
