package harness

import (
	"fmt"
	"net"
	"os"
	"slices"
)

// Env is what a run works with.
type Env struct {
	// Dir belongs to the scenario. What Setup puts there stays until the scenario's last run is over.
	Dir string
	// Tiny asks for the smallest run that still shows that the scenario works: the tests set it.
	Tiny bool

	running []*Server
}

// Size is full, or tiny in a tiny run.
func (e *Env) Size(full, tiny int) int {
	if e.Tiny {
		return tiny
	}
	return full
}

// TempDir makes a directory that no other run sees. It goes with the scenario.
func (e *Env) TempDir() (string, error) { return os.MkdirTemp(e.Dir, "run") }

// stopAll stops what the run has started, the newest first.
func (e *Env) stopAll() {
	for _, s := range slices.Backward(e.running) {
		s.Stop()
	}
	e.running = nil
}

// FreeAddr returns a loopback address that nobody listens on, for programs that do not say which one
// they have taken.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}
