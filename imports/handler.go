package imports

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/procgroup"
)

// Handler is the import part: an http.Handler to be mounted below a path of
// its own, with that path stripped, for example
//
//	mux.Handle("/imports/", http.StripPrefix("/imports", h))
//
// All methods may be called concurrently.
type Handler struct {
	cfg     Config
	guard   *gate.Guard
	log     *slog.Logger
	disk    disk
	jobsDir string
	boot    string
	lock    *os.File
	spool   *spool
	procs   *procgroup.Manager
	metrics *metrics

	running  sync.WaitGroup // attempts and what they leave to do
	watchers watchers
	life     context.Context // of the sweeper and of what is done ahead of time
	stop     context.CancelFunc
	sweeping sync.WaitGroup

	releaseOnce sync.Once
	releaseErr  error // set once by releaseOnce

	mu     sync.Mutex // guards the following; taken before a job's
	jobs   map[string]*job
	keys   map[string]string // Idempotency-Key to id
	queue  queue
	closed bool
}

// New makes a Handler: it takes Dir, ends what a crashed predecessor left
// running, explains what it left on disk, and starts what was queued. Call
// [Handler.Shutdown] to give it all back.
func New(cfg Config) (_ *Handler, err error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("imports: %w", err)
	}
	cfg = cfg.withDefaults()
	h := &Handler{
		cfg: cfg, log: cfg.Logger, disk: newDisk(cfg.fault), jobsDir: filepath.Join(cfg.Dir, "jobs"), boot: bootID(),
		jobs: map[string]*job{}, keys: map[string]string{}, queue: queue{slots: cfg.Slots, running: map[string]int{}},
	}
	h.life, h.stop = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			h.stop()
			err = fmt.Errorf("imports: %w", errors.Join(err, h.release(context.Background())))
		}
	}()
	for _, dir := range []string{cfg.Dir, h.jobsDir} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
		if err := os.Chmod(dir, 0o700); err != nil {
			return nil, err
		}
	}
	if h.lock, err = lockDir(cfg.Dir); err != nil {
		return nil, err
	}
	if h.guard, err = gate.NewGuard(cfg.guard()); err != nil {
		return nil, err
	}
	if h.metrics, err = newMetrics(cfg.Registerer, cfg.names()); err != nil {
		return nil, err
	}
	h.procs, err = procgroup.New(procgroup.Config{
		StateDir: filepath.Join(cfg.Dir, "processes"), Logger: cfg.Logger,
		SpawnLimit: 1, Threads: diskThreads + 2, // one thread starts them all; others feed them
	})
	if err != nil {
		return nil, err
	}
	h.spool = newSpool(cfg.Dir, cfg.ReserveFree, cfg.UserBytes)
	if err := h.recover(); err != nil {
		return nil, err
	}
	h.sweeping.Go(func() { h.sweeper(h.life) })
	h.schedule()
	return h, nil
}

// target finds a target by name. The error is a [*gate.Problem].
func (h *Handler) target(ctx context.Context, name string) (Target, error) {
	if t, ok := h.cfg.Targets[name]; ok {
		return t, nil
	}
	if h.cfg.Lookup == nil || !namePattern.MatchString(name) {
		return Target{}, gate.NotFound("there is no such import target")
	}
	t, err := h.ask(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return Target{}, gate.NotFound("there is no such import target")
	case err == nil:
		err = t.validate()
	}
	if err != nil {
		return Target{}, fmt.Errorf("target %q: %w", name, err)
	}
	return h.cfg.complete(name, t), nil
}

func (h *Handler) ask(ctx context.Context, name string) (t Target, err error) {
	defer gate.Caught("Lookup", &err)
	return h.cfg.Lookup(ctx, name)
}

// find returns an import that the client may know of.
func (h *Handler) find(target, id string, a Access) (*job, error) {
	h.mu.Lock()
	j := h.jobs[id]
	h.mu.Unlock()
	if j == nil || j.record().Target != target || !j.visible(a) {
		return nil, gate.NotFound("there is no such import")
	}
	return j, nil
}

// list returns a target's imports that the client may know of, newest first.
func (h *Handler) list(target string, a Access) []*job {
	h.mu.Lock()
	var found []*job
	for _, j := range h.jobs {
		found = append(found, j)
	}
	h.mu.Unlock()
	found = slices.DeleteFunc(found, func(j *job) bool {
		return target != "" && j.record().Target != target || !j.visible(a)
	})
	slices.SortFunc(found, func(a, b *job) int { return b.record().Created.Compare(a.record().Created) })
	return found
}

// Imports returns snapshots of all imports that are known, newest first.
func (h *Handler) Imports() iter.Seq[Snapshot] {
	return func(yield func(Snapshot) bool) {
		for _, j := range h.list("", Access{Admin: true}) {
			if !yield(j.snapshot()) {
				return
			}
		}
	}
}

// Revoke ends the event streams of a user and returns how many there were.
// Imports go on: half of one would help nobody.
func (h *Handler) Revoke(user string) int { return h.watchers.revoke(user) }

// audit queues an event about an import.
func (h *Handler) audit(rec record, kind, outcome, detail string) {
	addr, _ := netip.ParseAddr(rec.Addr)
	h.guard.Audit(context.Background(), Event{
		Kind: kind, User: rec.Owner, Addr: addr, Name: rec.Target, ID: rec.ID, Outcome: outcome, Detail: detail,
	})
}

// background runs what is not worth waiting for, and is waited for at the end.
func (h *Handler) background(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.running.Go(f)
	}
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
