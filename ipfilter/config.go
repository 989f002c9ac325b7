package ipfilter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/internal/gate"
)

// Event is one line of the audit trail.
type Event = gate.Event

const (
	// DefaultPoll is the Poll of a Config that leaves it at zero.
	DefaultPoll = 250 * time.Millisecond
	// DefaultMaxTemporary is the MaxTemporary of a Config that leaves it at zero.
	DefaultMaxTemporary = 1000
)

// Config says where the rules are and what happens to those who are denied. The zero value denies
// everybody.
type Config struct {
	_ [0]func()

	// Rules is the list, for hosts that keep it themselves; see SetRules. Not with File.
	Rules Rules

	// File is the path of the list in nginx's syntax, which New reads and which is then watched:
	// a file that is replaced, written in place, or reached through another symbolic link takes
	// effect within a second. One that cannot be read or parsed changes nothing. Not with Rules.
	File string

	// Poll is how often File is looked at. 0 = DefaultPoll, negative = off: only Reload reads the
	// file again.
	Poll time.Duration

	// ClientIP finds the client's address; proxyhdr.Resolver.ClientIP is one. A request for which
	// it fails is denied. nil = the TCP peer, which behind a proxy is the proxy.
	ClientIP func(*http.Request) (netip.Addr, error)

	// ReportOnly admits everybody, and only logs, counts and reports who would have been denied.
	// Default false.
	ReportOnly bool

	// OnDeny is called for each denied request, before the answer, on the request's goroutine:
	// it must not block. With ReportOnly it is called too; Decision.Allowed is false. nil = not.
	OnDeny func(*http.Request, netip.Addr, Decision)

	// Audit gets one Event for each denied request, with the rule that denied it. It is called on
	// the request's goroutine and must not block. nil = not.
	Audit func(context.Context, Event)

	// MaxTemporary bounds the entries of AddTemporary that are in force at once. 0 =
	// DefaultMaxTemporary, negative = off: none may be added.
	MaxTemporary int

	// Logger gets denials and reloads at level Info, what Lint finds in a list that is read at Warn
	// (SetRules excepted), and lists that are faulty or empty at Error. nil = slog.Default().
	Logger *slog.Logger

	// Registerer gets the metrics pruvon_ipfilter_*. nil = no metrics; registering twice reuses.
	Registerer prometheus.Registerer
}

// Validate reports everything that is wrong with c, joined, each fault naming its field. It has
// no side effects: it does not look at File.
func (c Config) Validate() error {
	var faults []error
	if c.File != "" && c.Rules != nil {
		faults = append(faults, errors.New("ipfilter: Rules: set together with File; the rules come from one of the two"))
	}
	if err := c.Rules.Validate(); err != nil {
		faults = append(faults, fmt.Errorf("ipfilter: Rules: %w", err))
	}
	if len(c.Rules) > maxRules {
		faults = append(faults, fmt.Errorf("ipfilter: Rules: more than %d", maxRules))
	}
	return errors.Join(faults...)
}
