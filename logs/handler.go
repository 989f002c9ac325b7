package logs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/pruvon/pruvon/internal/wsconn"
)

// Handler serves logs. The name is the request's path value "name"; a pattern
// without one needs a Config with exactly one source. The path itself is not
// looked at.
type Handler struct {
	cfg     Config
	guard   *gate.Guard
	key     []byte
	metrics *metrics
	procs   *procgroup.Manager
	hubs    *hubs
	only    string // the single source's name

	base  context.Context // ends with errClosed at Shutdown
	close context.CancelCauseFunc

	mu      sync.Mutex
	closed  bool
	streams sync.WaitGroup
	viewers map[*stream]struct{}
}

// New returns a Handler. It makes the key file in StateDir and registers
// metrics; nothing is read before the first viewer comes. Call
// [Handler.Shutdown] in the end.
func New(cfg Config) (*Handler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	key, err := loadKey(cfg.StateDir)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	names := sortedNames(cfg.Sources)
	if cfg.Lookup != nil {
		m.start(append([]string{otherLog}, names...))
	} else {
		m.start(names)
	}
	procs, err := startProcs(cfg)
	if err != nil {
		return nil, err
	}
	guard, err := gate.NewGuard(cfg.guard())
	if err != nil {
		return nil, errors.Join(err, procs.Close())
	}
	h := &Handler{cfg: cfg, guard: guard, key: key, metrics: m, procs: procs, viewers: map[*stream]struct{}{}}
	if len(names) == 1 && cfg.Lookup == nil {
		h.only = names[0]
	}
	h.base, h.close = context.WithCancelCause(context.Background())
	h.hubs = newHubs(withCommands(h.base, h.procs, m.children), cfg.Linger, h.newHub)
	return h, nil
}

// orphansMax bounds how long New waits for what a crashed server left behind.
const orphansMax = 5 * time.Second

// startProcs makes what runs the commands, and ends those of a server that
// crashed: a process whose parent has died goes with it, but not what that had
// started.
func startProcs(cfg Config) (*procgroup.Manager, error) {
	pc := procgroup.Config{Logger: cfg.Logger, SpawnLimit: 1} // one thread starts them all
	if cfg.StateDir != "" {
		pc.StateDir = filepath.Join(cfg.StateDir, "processes")
	}
	procs, err := procgroup.New(pc)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), orphansMax)
	defer cancel()
	if _, err := procs.Orphans(ctx); err != nil {
		cfg.Logger.Error("processes of a crashed server are still there", "part", "logs", "error", err)
	}
	return procs, nil
}

func (h *Handler) newHub(name string, src Source) *hub {
	label := h.label(name)
	hb := &hub{
		name: name, src: src, sealer: newSealer(h.key, name), redact: h.cfg.Redact, epoch: newEpoch(),
		meter: h.metrics.forLog(label), log: h.cfg.Logger,
		ready: make(chan struct{}), done: make(chan struct{}), wake: make(chan struct{}),
		ring: newRing(h.cfg.Ring, firstLine),
	}
	hb.ranger, _ = src.(Ranger)
	if hb.ranger == nil {
		// Without a history, it begins where its memory does: empty.
		hb.ring.from = hb.cursorFor(hb.ring.next, nil)
		hb.markReady()
	}
	return hb
}

func (h *Handler) label(name string) string {
	if _, ok := h.cfg.Sources[name]; ok {
		return name
	}
	return otherLog
}

// ServeHTTP answers with a stream in the form that was asked for: a WebSocket,
// or by Accept text/event-stream, application/x-ndjson or text/plain.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.serve(w, r); err != nil {
		p := gate.AsProblem(err)
		if p.Status >= http.StatusInternalServerError {
			h.cfg.Logger.Error("log request failed", "part", "logs", "status", p.Status, "error", p.Error())
		}
		p.Write(w, r)
	}
}

// serve returns an error only while nothing has been written.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return gate.MethodNotAllowed(w, http.MethodGet, http.MethodHead)
	}
	isWS := wsconn.Wants(r)
	check := h.guard.Check
	if isWS {
		check = h.guard.CheckUpgrade
	}
	if err := check(r); err != nil {
		return err
	}
	if p := wsconn.Stripped(r); p != nil {
		return wsconn.CheckRequest(w, r, wsOptions(h.cfg))
	}
	name := r.PathValue("name")
	if name == "" {
		name = h.only
	}
	if !namePattern.MatchString(name) {
		return gate.NotFound("there is no such log")
	}
	res := gate.Resource{Name: name, Action: gate.ActionView}
	who, err := h.guard.Admit(r, res)
	if err != nil {
		return err
	}
	src, err := h.source(r.Context(), name)
	if err != nil {
		return err
	}
	q, err := parseQuery(r, time.Now())
	if err != nil {
		return gate.BadRequest(err.Error())
	}
	if isWS {
		if p := wsconn.CheckRequest(w, r, wsOptions(h.cfg)); p != nil {
			return p
		}
	}
	s := &stream{h: h, name: name, src: src, q: q, who: who, res: res, req: r}
	if err := s.openCursors(); err != nil {
		return err
	}
	if p, ok := src.(Prober); ok {
		if err := probe(r.Context(), p); err != nil {
			return unavailable(err)
		}
	}
	release, err := h.guard.Reserve(who.User, who.Addr)
	if err != nil {
		return err
	}
	defer release()
	if !h.enter(s) {
		return shuttingDown()
	}
	defer h.leave(s)
	return s.serve(w, isWS)
}

func (h *Handler) source(ctx context.Context, name string) (Source, error) {
	if src, ok := h.cfg.Sources[name]; ok {
		return src, nil
	}
	if h.cfg.Lookup == nil {
		return nil, gate.NotFound("there is no such log")
	}
	src, err := h.ask(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && src == nil:
		return nil, gate.NotFound("there is no such log")
	case err != nil:
		return nil, unavailable(err)
	}
	return src, nil
}

func (h *Handler) ask(ctx context.Context, name string) (src Source, err error) {
	defer gate.Caught("Lookup", &err)
	return h.cfg.Lookup(ctx, name)
}

func probe(ctx context.Context, p Prober) (err error) {
	defer gate.Caught("Prober.Probe", &err)
	return p.Probe(ctx)
}

// List answers with the configured logs: {"logs":[{"name":…,"title":…}]}.
func (h *Handler) List(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		gate.MethodNotAllowed(w, http.MethodGet, http.MethodHead).Write(w, r)
		return
	}
	if err := h.guard.Check(r); err != nil {
		gate.AsProblem(err).Write(w, r)
		return
	}
	if _, err := h.guard.Admit(r, gate.Resource{Action: gate.ActionList}); err != nil {
		gate.AsProblem(err).Write(w, r)
		return
	}
	type entry struct {
		Name  string `json:"name"`
		Title string `json:"title"`
	}
	list := struct {
		Logs []entry `json:"logs"`
	}{Logs: []entry{}}
	for _, n := range sortedNames(h.cfg.Sources) {
		title := h.cfg.Titles[n]
		if title == "" {
			title = n
		}
		list.Logs = append(list.Logs, entry{n, title})
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(list)
}

// Revoke ends every stream of a user and returns how many there were.
func (h *Handler) Revoke(user string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for s := range h.viewers {
		if s.who.User == user {
			s.stop(gate.ErrExpired)
			n++
		}
	}
	return n
}

func (h *Handler) enter(s *stream) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	h.streams.Add(1)
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	h.viewers[s] = struct{}{}
	h.metrics.viewers.WithLabelValues(h.label(s.name)).Inc()
	return true
}

func (h *Handler) leave(s *stream) {
	s.stop(nil)
	h.mu.Lock()
	delete(h.viewers, s)
	h.mu.Unlock()
	h.metrics.viewers.WithLabelValues(h.label(s.name)).Dec()
	h.streams.Done()
}

// Shutdown tells every viewer that the service is going (they may come back
// with their cursor), ends every source, tree and all, and waits. It is called
// before the server's own Shutdown, which does not know of WebSockets.
func (h *Handler) Shutdown(ctx context.Context) error {
	h.mu.Lock()
	h.closed = true
	for s := range h.viewers {
		s.stop(errClosed)
	}
	h.mu.Unlock()
	h.close(errClosed)
	done := make(chan struct{})
	go func() {
		h.streams.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return ctx.Err()
	}
	return errors.Join(h.hubs.shutdown(ctx), h.procs.Close(), h.guard.Shutdown(ctx))
}
