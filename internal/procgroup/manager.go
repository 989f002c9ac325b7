package procgroup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"
)

// A Manager starts groups and ends them. It is made by New and released by
// Close.
type Manager struct {
	cfg   Config
	log   *slog.Logger
	id    string // 128 random bits, the beginning of every mark
	outer string // marks that the host itself runs under
	slots chan struct{}

	platform

	calls sync.WaitGroup // Start and Orphans in progress
	wg    sync.WaitGroup // every goroutine of the Manager
	quit  chan struct{}  // closed by Close when all endings are over

	mu      sync.Mutex // guards the following
	closed  bool
	groups  map[*Group]struct{}
	unended int // processes that SIGKILL did not remove
}

// New returns a Manager. It starts no process and no goroutine yet, and leaves
// nothing behind when it fails, but for idle threads; see [Config.Threads].
func New(cfg Config) (*Manager, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	m := &Manager{
		cfg: cfg, log: cfg.Logger, id: rand.Text(), outer: os.Getenv(markVar),
		quit: make(chan struct{}), groups: make(map[*Group]struct{}),
	}
	if cfg.SpawnLimit > 0 {
		m.slots = make(chan struct{}, cfg.SpawnLimit)
	}
	reserveThreads(cfg.reserve())
	if err := m.openPlatform(); err != nil {
		return nil, fmt.Errorf("procgroup: %w", err)
	}
	return m, nil
}

// Start starts s.Cmd in a session of its own. ctx only bounds the wait for a
// spawn slot; the command lives on when it ends. The error is ErrClosed, ctx's
// or a *StartError; the pipes of s.Cmd are closed then.
func (m *Manager) Start(ctx context.Context, s Spec) (*Group, error) {
	g, err := m.tryStart(ctx, s)
	if err != nil {
		discard(s.Cmd, err)
		return nil, err
	}
	return g, nil
}

func (m *Manager) tryStart(ctx context.Context, s Spec) (*Group, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	defer m.calls.Done()
	if err := m.acquire(ctx); err != nil {
		return nil, err
	}
	defer m.release()
	g := newGroup(m, s)
	if err := g.start(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.groups[g] = struct{}{}
	m.mu.Unlock()
	return g, nil
}

// discard closes what StdinPipe, StdoutPipe and StderrPipe opened in a command
// that is not going to be started. Only Cmd itself can: a Start that fails,
// here for the reason given, does.
func discard(cmd *exec.Cmd, why error) {
	if cmd.Process == nil {
		cmd.Err = why
		_ = cmd.Start()
	}
}

// enter counts a call that Close must wait for.
func (m *Manager) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.calls.Add(1)
	return nil
}

func (m *Manager) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.slots == nil {
		return nil
	}
	select {
	case m.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return &StartError{Fault: FaultResources, Path: "spawn slot", Err: ctx.Err()}
		}
		return ctx.Err()
	}
}

func (m *Manager) release() {
	if m.slots != nil {
		<-m.slots
	}
}

// Orphans ends the processes that Managers of the same StateDir left behind
// when their host died without Close, and returns how many there were. Call it
// once, after New and before the first Start. Daemons of groups that keep them
// are left alone. Without StateDir, and elsewhere than on Linux, it does
// nothing.
//
// They get SIGTERM, then after at most 500 ms SIGKILL, at once when ctx ends.
func (m *Manager) Orphans(ctx context.Context) (ended int, err error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.calls.Done()
	return m.orphans(ctx)
}

// Close ends what still runs and releases the Manager: afterwards none of its
// goroutines, descriptors and files is left, except what the next Orphans needs
// to find survivors, of which the error tells. It takes as long as an ending.
func (m *Manager) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	m.mu.Unlock()
	m.calls.Wait()

	m.mu.Lock()
	left := slices.Collect(maps.Keys(m.groups))
	m.mu.Unlock()
	for _, g := range left {
		g.beginEnd(time.Time{})
	}
	for _, g := range left {
		<-g.ended
	}
	close(m.quit)
	m.mu.Lock()
	unended := m.unended
	m.mu.Unlock()
	err := m.closePlatform(unended == 0)
	if unended > 0 {
		err = errors.Join(err, fmt.Errorf("procgroup: %d processes could not be ended", unended))
	}
	return err
}
