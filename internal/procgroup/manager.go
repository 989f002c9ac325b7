package procgroup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strconv"
	"sync"
)

// A Manager starts groups and ends them. It is made by New and released by
// Close.
type Manager struct {
	cfg   Config
	log   *slog.Logger
	id    string // instance: 128 random bits
	mark  string // prefix of every mark: the marks the host runs under, and id
	slots chan struct{}

	wg sync.WaitGroup // watching and ending goroutines

	mu     sync.Mutex // guards the following
	closed bool
	seq    uint64
	groups map[*Group]struct{}
}

// New returns a Manager. It starts nothing yet and leaves nothing behind when
// it fails.
func New(cfg Config) (*Manager, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("procgroup: %w", err)
	}
	cfg = cfg.withDefaults()
	m := &Manager{
		cfg: cfg, log: cfg.Logger, id: rand.Text(),
		groups: make(map[*Group]struct{}),
	}
	m.mark = m.id
	if outer := os.Getenv(markVar); outer != "" {
		m.mark = outer + "," + m.id
	}
	if cfg.SpawnLimit > 0 {
		m.slots = make(chan struct{}, cfg.SpawnLimit)
	}
	return m, nil
}

// Spec is a command to start.
type Spec struct {
	// Cmd is the command, not yet started. It belongs to the Manager from the
	// call of Start on. An Env of nil means CleanEnv(), not the host's whole
	// environment; a WaitDelay of 0 means 1 s. Of SysProcAttr the session,
	// process group, terminal and death signal fields are overwritten.
	Cmd *exec.Cmd

	// Terminal makes the command's descriptor 0 its controlling terminal. It
	// also chooses the ending: SIGHUP first, as when a line hangs up.
	Terminal bool

	// KeepDaemons makes End leave processes that have left the session
	// (setsid, daemons); they are counted as survivors.
	KeepDaemons bool

	// KillOnParentDeath has the kernel kill the command, not its children, the
	// moment the host process dies (PR_SET_PDEATHSIG, Linux and FreeBSD; the
	// kernel forgets it when a set-user-ID program is executed).
	KillOnParentDeath bool

	// Name stands in log lines.
	Name string
}

// Start starts s.Cmd in a session of its own. ctx only bounds the wait for a
// spawn slot; the command lives on when it ends. The error is ErrClosed, ctx's
// or a *StartError.
func (m *Manager) Start(ctx context.Context, s Spec) (*Group, error) {
	if err := m.acquire(ctx); err != nil {
		return nil, err
	}
	defer m.release()

	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, ErrClosed
	}
	m.seq++
	mark := m.mark + "." + strconv.FormatUint(m.seq, 36)
	g := &Group{m: m, spec: s, mark: mark, done: make(chan struct{}), ended: make(chan struct{})}
	m.wg.Add(1)
	m.mu.Unlock()

	if err := g.start(); err != nil {
		m.wg.Done()
		return nil, err
	}
	m.mu.Lock()
	m.groups[g] = struct{}{}
	m.mu.Unlock()
	go func() {
		defer m.wg.Done()
		g.watch()
	}()
	return g, nil
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
// once, after New and before the first Start. Without StateDir it does nothing.
func (m *Manager) Orphans(ctx context.Context) (ended int, err error) {
	return 0, nil
}

// Close ends what still runs and releases the Manager: afterwards none of its
// goroutines, descriptors or files are left. The error tells of survivors.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	left := make([]*Group, 0, len(m.groups))
	for g := range m.groups {
		left = append(left, g)
	}
	m.mu.Unlock()

	survivors := 0
	for _, g := range left {
		g.beginEnd()
	}
	for _, g := range left {
		n, _ := g.End(context.Background())
		survivors += n
	}
	m.wg.Wait()
	if survivors > 0 {
		return fmt.Errorf("procgroup: %d processes could not be ended", survivors)
	}
	return nil
}
