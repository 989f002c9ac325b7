package ipfilter

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/pruvon/pruvon/internal/gate"
)

// DeniedError is what Check returns. Its text names the rule and is for the log; what the client
// gets does not. It matches gate.ErrDenied.
type DeniedError struct {
	Addr     netip.Addr // zero if it is not known
	Decision Decision
	problem  *gate.Problem
}

// Error names the address and the rule.
func (e *DeniedError) Error() string { return "ipfilter: " + e.Decision.describe(e.Addr) }

// Unwrap returns the problem document for the client, and gate.ErrDenied.
func (e *DeniedError) Unwrap() []error { return []error{gate.ErrDenied, e.problem} }

// describe says in words who is denied and why, for logs and the audit trail.
func (d Decision) describe(addr netip.Addr) string {
	who := "a client without a known address"
	if addr.IsValid() {
		who = addr.String()
	}
	switch d.Reason {
	case ReasonNoAddress:
		return who + " is denied"
	case ReasonEmpty:
		return who + " is denied: the allowlist is empty"
	case ReasonNoMatch:
		return who + " is denied: no rule allows it"
	}
	text := who + " is denied by \"" + d.Rule.String() + "\""
	if p := d.Rule.Position(); p != "" {
		text += " at " + p
	}
	if d.Rule.Name != "" {
		text += " (" + d.Rule.Name + ")"
	}
	return text
}

func denial(addr netip.Addr, d Decision) *DeniedError {
	e := &DeniedError{Addr: addr, Decision: d}
	e.problem = &gate.Problem{
		Name: "address-denied", Title: "Forbidden", Status: http.StatusForbidden,
		Detail: "Requests from your address are not admitted.",
		Hint:   "Ask the operator; the server's log names the rule of the allowlist.",
	}
	return e
}

// Check decides about the client of r, counts the verdict, and tells the hooks about a denial. It
// returns nil, or a *DeniedError; with ReportOnly it returns nil.
func (f *Filter) Check(r *http.Request) error {
	addr, d := f.decideRequest(r)
	if d.Allowed {
		f.metrics.allowed.Inc()
		return nil
	}
	outcome := "denied"
	switch {
	case f.cfg.ReportOnly:
		outcome = "would_deny"
		f.metrics.wouldDeny.Inc()
	case d.Reason == ReasonNoAddress:
		f.metrics.noAddress.Inc()
	default:
		f.metrics.denied.Inc()
	}
	f.log.LogAttrs(r.Context(), slog.LevelInfo, "address denied",
		slog.String("verdict", d.describe(addr)), slog.Bool("report_only", f.cfg.ReportOnly))
	f.tell(r, addr, d, outcome)
	if f.cfg.ReportOnly {
		return nil
	}
	return denial(addr, d)
}

// tell calls the hooks. One that panics changes nothing about the verdict.
func (f *Filter) tell(r *http.Request, addr netip.Addr, d Decision, outcome string) {
	if f.cfg.OnDeny != nil {
		func() {
			defer gate.Logged("OnDeny", f.log)
			f.cfg.OnDeny(r, addr, d)
		}()
	}
	if f.cfg.Audit != nil {
		defer gate.Logged("Audit", f.log)
		f.cfg.Audit(r.Context(), Event{
			Part: "ipfilter", Kind: "address", Addr: addr, Name: d.Rule.Name, ID: d.Rule.Position(),
			Outcome: outcome, Detail: d.describe(addr),
		})
	}
}

// Wrap answers requests that Check denies with 403 and a problem document (RFC 9457), which does
// not say which rule it was, and hands on the others.
func (f *Filter) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := f.Check(r); err != nil {
			gate.AsProblem(err).Write(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// decideRequest decides about the client of r. An address that cannot be found out is denied.
func (f *Filter) decideRequest(r *http.Request) (netip.Addr, Decision) {
	if f.cfg.ClientIP != nil {
		addr := f.clientIP(r)
		return addr, f.Decide(addr)
	}
	addr, unix, err := peerOf(r.RemoteAddr)
	if unix {
		return netip.Addr{}, f.DecideUnix()
	}
	if err != nil {
		return netip.Addr{}, f.Decide(netip.Addr{})
	}
	return addr, f.Decide(addr)
}

// clientIP is the zero Addr, which is denied, where the hook finds none.
func (f *Filter) clientIP(r *http.Request) netip.Addr {
	defer gate.Logged("ClientIP", f.log)
	addr, err := f.cfg.ClientIP(r)
	if err != nil {
		return netip.Addr{}
	}
	return addr
}

var errNoPeer = errors.New("ipfilter: the peer has no address")

// peerOf reads the RemoteAddr of a request: "address:port", and "@", "@name" or a path on a Unix
// domain socket.
func peerOf(remote string) (addr netip.Addr, unix bool, err error) {
	if remote == "" {
		return netip.Addr{}, false, errNoPeer
	}
	if remote[0] == '@' || remote[0] == '/' {
		return netip.Addr{}, true, nil
	}
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}, false, err
	}
	return ap.Addr().Unmap().WithZone(""), false, nil
}
