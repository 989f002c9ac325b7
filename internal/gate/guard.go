package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// GuardConfig is the part of each part's Config that all parts share.
type GuardConfig struct {
	// Part is the part's name in resources and events.
	Part string
	// Authorize decides about each request. Required.
	Authorize AuthorizeFunc
	// Origins are the exact origins of our own pages; see [Config].
	Origins []string
	// AllowNoOrigin admits WebSocket handshakes without an Origin.
	AllowNoOrigin bool
	// ClientIP finds the client's address. Nil takes the TCP peer.
	ClientIP func(*http.Request) (netip.Addr, error)
	// Revalidate is how often Authorize is asked again while a stream
	// lives. Default 30 s, negative never.
	Revalidate time.Duration
	// Logger takes the fuller text of refusals. Nil is slog.Default().
	Logger *slog.Logger
	// Audit takes events, one at a time and in order. Nil drops them.
	Audit func(context.Context, Event)
	// Limits are the caps.
	Limits Limits
}

// Validate joins every fault, each naming its field.
func (c GuardConfig) Validate() error {
	var errs []error
	if c.Authorize == nil {
		errs = append(errs, fieldError("Authorize", "required: who may come in has no safe default"))
	}
	errs = append(errs, ValidateOrigins("Origins", c.Origins))
	return errors.Join(errs...)
}

// fieldError names the field it is about, as every fault of a Config does.
func fieldError(field, text string) error { return fmt.Errorf("%s: %s", field, text) }

// Guard is what a part asks first with each request.
type Guard struct {
	cfg     GuardConfig
	gate    *Gate
	limiter *limiter
	audit   *auditor
	log     *slog.Logger
}

// NewGuard returns a Guard for one part. It starts a goroutine when an Audit
// hook is set; call [Guard.Shutdown].
func NewGuard(c GuardConfig) (*Guard, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Revalidate == 0 {
		c.Revalidate = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.ClientIP == nil {
		c.ClientIP = peerAddr
	}
	gt, err := New(Config{Origins: c.Origins, AllowNoOrigin: c.AllowNoOrigin})
	if err != nil {
		return nil, err
	}
	g := &Guard{cfg: c, gate: gt, limiter: newLimiter(c.Limits), log: c.Logger}
	if c.Audit != nil {
		g.audit = newAuditor(c.Audit, c.Logger)
	}
	return g, nil
}

// Logger returns the part's logger, never nil.
func (g *Guard) Logger() *slog.Logger { return g.log }

// Check is [Gate.Check], skipped when the root has made it.
func (g *Guard) Check(r *http.Request) error {
	if _, ok := checkedFrom(r.Context()); ok {
		return nil
	}
	return g.gate.Check(r)
}

// CheckUpgrade is [Gate.CheckUpgrade], skipped when the root has made it.
func (g *Guard) CheckUpgrade(r *http.Request) error {
	if c, ok := checkedFrom(r.Context()); ok {
		if c.Upgrade != nil {
			return c.Upgrade(r)
		}
		return nil
	}
	return g.gate.CheckUpgrade(r)
}

// Admit finds the client's address and asks the host. The error is a
// [*Problem].
func (g *Guard) Admit(r *http.Request, res Resource) (Principal, error) {
	addr, err := g.addr(r)
	var fault *HookError
	switch {
	case errors.As(err, &fault):
		return Principal{}, err
	case err != nil:
		return Principal{}, &Problem{
			Name: "client-address", Title: "Client address unknown", Status: http.StatusBadRequest,
			Detail: "the forwarding headers do not lead to a client address", Err: err,
		}
	}
	acc, err := g.ask(r, res)
	if err != nil {
		return Principal{Addr: addr}, err
	}
	return Principal{Access: acc, Addr: addr}, nil
}

// Recheck asks again, the address filter first: for a reattach, and while a
// stream lives.
func (g *Guard) Recheck(r *http.Request, res Resource) (Access, error) {
	if c, ok := checkedFrom(r.Context()); ok && c.Recheck != nil {
		if err := c.Recheck(); err != nil {
			return Access{}, err
		}
	}
	return g.ask(r, res)
}

func (g *Guard) addr(r *http.Request) (addr netip.Addr, err error) {
	if c, ok := checkedFrom(r.Context()); ok && c.Addr.IsValid() {
		return c.Addr, nil
	}
	defer Caught("ClientIP", &err)
	return g.cfg.ClientIP(r)
}

func (g *Guard) ask(r *http.Request, res Resource) (Access, error) {
	res.Part = g.cfg.Part
	acc, err := g.authorize(r, res)
	switch {
	case err == nil && !acc.Until.IsZero() && !time.Now().Before(acc.Until):
		return Access{}, unauthenticated(ErrExpired)
	case err == nil:
		return acc, nil
	case errors.Is(err, ErrUnauthenticated):
		return Access{}, unauthenticated(err)
	case errors.Is(err, ErrDenied):
		return Access{}, &Problem{
			Name: "denied", Title: "Forbidden", Status: http.StatusForbidden,
			Detail: "you may not do this", Err: err,
		}
	default:
		return Access{}, unavailable(err)
	}
}

func (g *Guard) authorize(r *http.Request, res Resource) (acc Access, err error) {
	defer Caught("Authorize", &err)
	return g.cfg.Authorize(r, res)
}

func unauthenticated(err error) *Problem {
	return &Problem{
		Name: "unauthenticated", Title: "Not authenticated", Status: http.StatusUnauthorized,
		Detail: "sign in first", Err: err,
	}
}

func unavailable(err error) *Problem {
	return &Problem{
		Name: "authorization-unavailable", Title: "Authorization unavailable", Status: http.StatusServiceUnavailable,
		Detail: "whether you may do this cannot be found out now", RetryAfter: 5 * time.Second, Err: err,
	}
}

// Audit queues an event for the host's hook. At, and Part where it is empty,
// are filled in. The data path must not call it; a control path waits here when the hook is slow.
func (g *Guard) Audit(ctx context.Context, e Event) {
	if g.audit == nil {
		return
	}
	if e.At.IsZero() {
		e.At = time.Now()
	}
	if e.Part == "" {
		e.Part = g.cfg.Part
	}
	g.audit.emit(ctx, e)
}

// Reserve takes a place under every cap, or returns a [*Problem] (503 or 429
// with Retry-After). Release may be called more than once.
func (g *Guard) Reserve(user string, addr netip.Addr) (release func(), err error) {
	release, p := g.limiter.reserve(user, addr)
	if p != nil {
		return nil, p
	}
	return release, nil
}

// Handshake takes one of the places for handshakes in flight.
func (g *Guard) Handshake() (release func(), err error) {
	release, p := g.limiter.handshake()
	if p != nil {
		return nil, p
	}
	return release, nil
}

// Shutdown hands the queued audit events over and ends the goroutine. It
// returns ctx's error when the hook does not come to an end in time.
func (g *Guard) Shutdown(ctx context.Context) error {
	if g.audit == nil {
		return nil
	}
	return g.audit.shutdown(ctx)
}

func peerAddr(r *http.Request) (netip.Addr, error) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("the peer is no TCP address: %w", err)
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, err
	}
	return a.Unmap().WithZone(""), nil
}
