package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/internal/gate"
)

// The types that all parts share.
type (
	// Access is what Authorize grants.
	Access = gate.Access
	// Resource is what Authorize is asked about: a log's name and the
	// action "view", or "list".
	Resource = gate.Resource
	// Event is one line of the audit trail: kinds "view" and "end".
	Event = gate.Event
	// Limits are caps on viewers.
	Limits = gate.Limits
)

// Errors for Authorize to return (see [Config]).
var (
	ErrUnauthenticated = gate.ErrUnauthenticated
	ErrDenied          = gate.ErrDenied
)

// ErrNotFound is for Lookup to return: there is no log of that name. It is
// answered with 404.
var ErrNotFound = errors.New("no such log")

// Config is how a Handler works. Sources or Lookup, and Authorize, are
// required.
type Config struct {
	_ [0]func()

	// Sources are the logs by name. A source's identity is its name:
	// cursors are bound to it. Names match [A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}.
	Sources map[string]Source
	// Titles are what people call the logs. A log without one is called by
	// its name.
	Titles map[string]string
	// Lookup finds logs that Sources does not name; the name has been
	// checked. It may return ErrNotFound. Nil: there are no others.
	Lookup func(ctx context.Context, name string) (Source, error)

	// Redact is given each line as it was read, without its line end, and
	// returns it without its secrets. It runs once a line, before anything
	// is kept or sent, history and downloads included; it may change the
	// slice in place and is called from several goroutines. An unfinished
	// line is held back until it is whole, so that no secret is shown in
	// two halves. Nil: nothing is removed. See [RedactSecrets].
	Redact func(line []byte) []byte

	// StateDir is where the key that cursors are signed with is kept, a
	// file of 32 bytes with mode 0600; the directory is made with mode 0700
	// if missing. Empty: the key ends with the process, and with it all
	// cursors.
	StateDir string

	// Ring is how many bytes of each log that is being watched are kept in
	// memory for all its viewers. Default 8 MiB, at least 256 KiB. Negative:
	// the least.
	Ring int64
	// Linger is how long a source goes on after its last viewer. Default
	// 10 s. Negative: it ends at once.
	Linger time.Duration
	// Heartbeat is the time between heartbeats of a stream. Default 15 s.
	// Negative: none.
	Heartbeat time.Duration
	// WriteTimeout bounds each write to a viewer; one that takes nothing
	// for that long is disconnected. Default 15 s: below nginx's
	// send_timeout of 60 s. Negative: none.
	WriteTimeout time.Duration
	// SearchBytes and SearchTime bound how far back lines are looked for
	// beyond what is in memory: those that match, or the last ones. Bytes
	// count unpacked. Whoever asked is told when a bound was reached and may
	// go on from there. Defaults 4 GiB and 20 s. Negative: no bound.
	SearchBytes int64
	SearchTime  time.Duration

	// Limits are caps on viewers. Defaults: 1000 in all, 200 for a user,
	// 200 for a client address.
	Limits Limits

	// Authorize decides about each request. Required when the Handler is
	// mounted by itself.
	Authorize func(*http.Request, Resource) (Access, error)
	// Origins are the exact origins of the pages that may open a stream.
	// Empty: direct loopback requests only.
	Origins []string
	// AllowNoOrigin admits WebSocket clients that send no Origin: programs,
	// not browsers.
	AllowNoOrigin bool
	// ClientIP finds the client's address. Nil: the TCP peer.
	ClientIP func(*http.Request) (netip.Addr, error)
	// Revalidate is how often Authorize is asked again while a stream
	// lives. Default 30 s. Negative: never.
	Revalidate time.Duration
	// Audit takes who looked at what. Nil: nobody is told.
	Audit func(context.Context, Event)

	// Logger takes what the operator should know. Nil: slog.Default().
	Logger *slog.Logger
	// Registerer takes the metrics. Nil: none. Registering twice reuses.
	Registerer prometheus.Registerer
}

const (
	defaultRing         = 8 << 20
	minRing             = 256 << 10
	defaultLinger       = 10 * time.Second
	defaultHeartbeat    = 15 * time.Second
	defaultWriteTimeout = 15 * time.Second
	defaultSearchBytes  = 4 << 30
	defaultSearchTime   = 20 * time.Second
)

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}$`)

// Validate joins all faults, each naming its field. It has no side effects.
func (c Config) Validate() error {
	var errs []error
	fault := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	if len(c.Sources) == 0 && c.Lookup == nil {
		fault("Sources", "required when there is no Lookup")
	}
	for _, name := range sortedNames(c.Sources) {
		if !namePattern.MatchString(name) {
			fault("Sources", "%q is not a name: %s", name, strings.Trim(namePattern.String(), "^$"))
		}
		switch s := c.Sources[name].(type) {
		case nil:
			fault("Sources", "%q is nil", name)
		case interface{ validate() error }:
			if err := s.validate(); err != nil {
				fault("Sources", "%q: %v", name, err)
			}
		}
	}
	if c.Ring > 0 && c.Ring < minRing {
		fault("Ring", "%d is less than %d", c.Ring, minRing)
	}
	errs = append(errs, c.guard().Validate())
	return errors.Join(errs...)
}

func (c Config) guard() gate.GuardConfig {
	return gate.GuardConfig{
		Part: "logs", Authorize: c.Authorize, Origins: c.Origins, AllowNoOrigin: c.AllowNoOrigin,
		ClientIP: c.ClientIP, Revalidate: c.Revalidate, Logger: c.Logger, Audit: c.Audit, Limits: c.Limits,
	}
}

func (c Config) withDefaults() Config {
	c.Ring = orDefault(c.Ring, defaultRing, minRing)
	c.Linger = orDefault(c.Linger, defaultLinger, 0)
	c.Heartbeat = orDefault(c.Heartbeat, defaultHeartbeat, 0)
	c.WriteTimeout = orDefault(c.WriteTimeout, defaultWriteTimeout, 0)
	c.SearchBytes = orDefault(c.SearchBytes, defaultSearchBytes, 1<<62)
	c.SearchTime = orDefault(c.SearchTime, defaultSearchTime, 1<<62)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// orDefault applies "0 = default, negative = off".
func orDefault[T ~int64](v, def, off T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return off
	}
	return v
}

func sortedNames(m map[string]Source) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
