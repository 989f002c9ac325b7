package terminal

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/pruvon/pruvon/internal/wsconn"
)

// orphansMax bounds how long New waits for what a crashed server left behind.
const orphansMax = 5 * time.Second

// talkRate and talkBurst bound the messages, a second and at once, that neither
// type nor acknowledge anything: sizes, pings.
const (
	talkRate  = 100
	talkBurst = 1000
)

// Handler serves terminals. Its methods may be called concurrently.
type Handler struct {
	cfg          Config
	guard        *gate.Guard
	procs        *procgroup.Manager
	metrics      *metrics
	log          *slog.Logger
	reg          *registry
	journal      *journal
	opening      chan struct{} // holds one token for each terminal being opened
	slots        *readSlots    // and for readers that gather output
	helloTimeout time.Duration
	ws           wsconn.Options
}

// New returns a Handler. With a StateDir it first ends the processes that a
// crashed server left behind. Call [Handler.Shutdown] when done.
func New(cfg Config) (*Handler, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Terminals = maps.Clone(cfg.Terminals)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	h := &Handler{
		cfg: cfg, log: cfg.Logger, reg: newRegistry(), helloTimeout: pick(cfg.HelloTimeout, 10*time.Second),
		opening: make(chan struct{}, spawnLimit), slots: newReadSlots(runtime.GOMAXPROCS(0)),
		ws: wsconn.Options{Subprotocols: []string{Subprotocol}, AllowNone: true, ReadLimit: messageMax},
	}
	if err := h.build(); err != nil {
		return nil, errors.Join(err, h.close(context.Background()))
	}
	return h, nil
}

func (h *Handler) build() (err error) {
	if h.metrics, err = newMetrics(h.cfg.Registerer); err != nil {
		return err
	}
	pc := procgroup.Config{Cgroup: h.cfg.Cgroup, Logger: h.log, SpawnLimit: spawnLimit, Threads: spawnLimit + busyReaders}
	if h.cfg.StateDir != "" {
		pc.StateDir = filepath.Join(h.cfg.StateDir, "processes")
	}
	if h.procs, err = procgroup.New(pc); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), orphansMax)
	defer cancel()
	switch n, err := h.procs.Orphans(ctx); {
	case err != nil:
		h.log.Error("terminal: processes of a crashed server", "err", err)
	case n > 0:
		h.log.Warn("terminal: ended processes of a crashed server", "processes", n)
	}
	var left []openSession
	if h.journal, left, err = openJournal(h.cfg.StateDir); err != nil {
		return err
	}
	gc := h.cfg.guard()
	gc.Audit = h.journal.confirm(gc.Audit)
	if h.guard, err = gate.NewGuard(gc); err != nil {
		return err
	}
	for _, r := range left {
		h.guard.Audit(context.Background(), r.end())
	}
	return nil
}

// ServeHTTP opens a terminal, or with DELETE and ?session=ID ends a session.
// The terminal's name is the request's path value "name"; a pattern without one
// serves the only entry of Terminals. The path itself is not looked at.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := h.serve(w, r); err != nil {
		p := gate.AsProblem(err)
		h.log.Info("terminal: refused", "status", p.Status, "problem", p.Name, "err", p)
		p.Write(w, r)
	}
}

// serve answers a request that is refused with an error.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	if err := h.guard.Check(r); err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet:
	case http.MethodDelete:
		return h.remove(w, r)
	default:
		return gate.MethodNotAllowed(w, http.MethodGet, http.MethodDelete)
	}
	if p := wsconn.CheckRequest(w, r, h.ws); p != nil {
		return p
	}
	if err := h.guard.CheckUpgrade(r); err != nil {
		return err
	}
	name, err := h.name(r)
	if err != nil {
		return err
	}
	size, err := rawSize(r)
	if err != nil {
		return err
	}
	a := &attachment{
		h: h, r: r, name: name, viewOnly: r.URL.Query().Get("mode") == "view",
		wake: make(chan struct{}, 1), room: make(chan struct{}, 1), sendDone: make(chan struct{}),
		talk: wsconn.NewBucket(talkRate, talkBurst),
	}
	a.res = gate.Resource{Name: name, Action: gate.ActionAttach}
	if a.viewOnly {
		a.res.Action = gate.ActionView
	}
	if a.who, err = h.guard.Admit(r, a.res); err != nil {
		if p := gate.AsProblem(err); p.Status != http.StatusServiceUnavailable {
			h.guard.Audit(r.Context(), gate.Event{Kind: "denied", Addr: a.who.Addr, Name: name, Outcome: p.Name})
		}
		return err
	}
	t, err := h.lookup(r.Context(), name)
	if err != nil {
		return err
	}
	a.set = h.cfg.settings(t)
	a.readOnly = a.who.ReadOnly || t.ReadOnly
	return h.upgrade(w, a, size)
}

// upgrade reserves what a session needs and takes the connection over.
func (h *Handler) upgrade(w http.ResponseWriter, a *attachment, size Size) (err error) {
	handshake, err := h.guard.Handshake()
	if err != nil {
		return err
	}
	defer handshake()
	if !h.reg.enter(a) {
		return shuttingDown()
	}
	defer h.reg.leave(a)
	a.prep, err = h.prepare(a.who, &a.set, size)
	if err != nil {
		// Whoever has a session may still come back to it.
		if len(a.r.Header["Sec-Websocket-Protocol"]) == 0 || !h.reg.owns(a.who.User, a.who.Admin) {
			return err
		}
		a.prep.err = err
	}
	defer a.prep.release()
	conn, err := wsconn.Accept(w, a.r, h.ws)
	if err != nil {
		h.log.Info("terminal: upgrade", "name", a.name, "err", err)
		return nil // answered by Accept
	}
	a.connected(conn, handshake)
	a.serve()
	conn.Wait()
	return nil
}

func shuttingDown() error {
	return &gate.Problem{
		Name: "shutting-down", Title: "Service unavailable", Status: http.StatusServiceUnavailable,
		Detail: "the server is shutting down", RetryAfter: time.Second,
	}
}

// name returns the terminal's name.
func (h *Handler) name(r *http.Request) (string, error) {
	name := r.PathValue("name")
	if name == "" && len(h.cfg.Terminals) == 1 && h.cfg.Lookup == nil {
		for only := range h.cfg.Terminals {
			return only, nil
		}
	}
	if !validName.MatchString(name) {
		return "", gate.NotFound("no such terminal")
	}
	return name, nil
}

func (h *Handler) lookup(ctx context.Context, name string) (Terminal, error) {
	t, ok := h.cfg.Terminals[name]
	if ok {
		return t, nil
	}
	if h.cfg.Lookup == nil {
		return t, gate.NotFound("no such terminal")
	}
	t, err := h.ask(ctx, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return t, gate.NotFound("no such terminal")
	case err != nil:
		return t, &gate.Problem{
			Name: "lookup", Title: "Service unavailable", Status: http.StatusServiceUnavailable,
			Detail: "whether there is such a terminal cannot be found out now", RetryAfter: 5 * time.Second, Err: err,
		}
	}
	if err := t.validate(""); err != nil {
		return t, err
	}
	return t, nil
}

func (h *Handler) ask(ctx context.Context, name string) (t Terminal, err error) {
	defer gate.Caught("Lookup", &err)
	return h.cfg.Lookup(ctx, name)
}

// rawSize reads the size of a raw connection from the query: 80 by 24 where it
// says nothing.
func rawSize(r *http.Request) (Size, error) {
	s := Size{Cols: 80, Rows: 24}
	q := r.URL.Query()
	for key, v := range map[string]*int{"cols": &s.Cols, "rows": &s.Rows} {
		if q.Get(key) == "" {
			continue
		}
		n, err := strconv.Atoi(q.Get(key))
		if err != nil {
			return s, gate.BadRequest("cols and rows are numbers")
		}
		*v = n
	}
	if !s.valid() {
		return s, gate.BadRequest("cols and rows are within 1 and 1000")
	}
	return s, nil
}

// Sessions returns the sessions of the moment, oldest first.
func (h *Handler) Sessions() iter.Seq[Info] {
	return func(yield func(Info) bool) {
		for _, s := range h.reg.list() {
			if s.live() && !yield(s.info()) {
				return
			}
		}
	}
}

// Kill ends a session and every process of it. It returns [ErrNotFound] for a
// session that does not run, and does not wait for the end.
func (h *Handler) Kill(id string) error {
	s := h.reg.get(id)
	if s == nil || !s.end(context.Background(), ReasonKilled) {
		return ErrNotFound
	}
	return nil
}

// Revoke ends the sessions of a user, attached and detached, within a second,
// and the user's connections to sessions of others. It returns how many
// sessions that were.
func (h *Handler) Revoke(user string) int {
	n := 0
	for _, s := range h.reg.list() {
		if s.owner.User == user && s.end(context.Background(), ReasonRevoked) {
			n++
		}
	}
	for _, a := range h.reg.connections() {
		if a.user() == user {
			a.finish(exitMessage{Type: "exit", Reason: ReasonRevoked, Detail: endDetail(ReasonRevoked)}, false)
		}
	}
	return n
}

func (h *Handler) audit(s *session, kind string, who gate.Principal, outcome, detail string) {
	h.guard.Audit(context.Background(), gate.Event{
		Kind: kind, User: who.User, Addr: who.Addr, Name: s.name, ID: s.id, Outcome: outcome, Detail: detail,
	})
}

// remember notes a session that must get an end event.
func (h *Handler) remember(s *session) {
	err := h.journal.start(openSession{ID: s.id, Name: s.name, User: s.owner.User, Addr: s.owner.Addr, Started: s.started})
	if err != nil {
		h.log.Error("terminal: the journal of open sessions", "err", err)
	}
}
