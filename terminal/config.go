package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pruvon/pruvon/internal/gate"
)

// Types shared by all parts.
type (
	// Access is what Authorize grants.
	Access = gate.Access
	// Resource is what a request is about.
	Resource = gate.Resource
	// Event is one line of the audit trail.
	Event = gate.Event
	// Limits are caps on what lives at the same time.
	Limits = gate.Limits
)

const (
	ringDefault     = 1 << 20
	graceDefault    = 30 * time.Minute
	idleDefault     = 8 * time.Hour
	lifetimeDefault = 24 * time.Hour
)

// validName is what a terminal's name may look like.
var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}$`)

// DetachedOutput says what becomes of output while nobody is attached.
type DetachedOutput string

const (
	// DetachedWait reads until the ring is full; then the command waits in
	// its write until somebody comes back, who misses nothing. The default.
	DetachedWait DetachedOutput = ""
	// DetachedDiscard reads on and keeps the newest output only, for
	// commands that must never wait.
	DetachedDiscard DetachedOutput = "discard"
)

// Config is the configuration of a [Handler]. New copies it.
type Config struct {
	_ [0]func()

	// Terminals are the terminals by name. Names match
	// [A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}.
	Terminals map[string]Terminal
	// Lookup finds a terminal that is not in Terminals; for an unknown name
	// it returns [ErrNotFound]. It is called concurrently. Nil knows none.
	Lookup func(ctx context.Context, name string) (Terminal, error)

	// Authorize decides about each request: [ErrUnauthenticated] becomes
	// 401, [ErrDenied] 403, any other error 503. It is asked again with the
	// first request while a connection lives, and on each reattach. Required.
	Authorize func(*http.Request, Resource) (Access, error)
	// Origins are the exact origins (scheme://host[:port]) of the pages that
	// may connect. Empty admits direct loopback requests only.
	Origins []string
	// AllowNoOrigin admits handshakes without an Origin header: command-line
	// clients. Browsers always send one.
	AllowNoOrigin bool
	// ClientIP finds the client's address behind a proxy. Nil takes the TCP
	// peer.
	ClientIP func(*http.Request) (netip.Addr, error)
	// Revalidate is how often Authorize is asked again. 0 = 30 s, negative =
	// never.
	Revalidate time.Duration
	// Limits cap sessions and handshakes.
	Limits Limits

	// Window is how many output bytes may be on their way to a page that has
	// not yet drawn them, 16 KiB to 1 MiB. 0 = 128 KiB, negative = 16 KiB. A
	// client may ask for another value within the range.
	Window int
	// Ring is how many bytes of output each session remembers for clients
	// that come back. 0 = 1 MiB, negative = no more than the largest window.
	Ring int
	// DetachGrace is how long a session waits for somebody to come back. 0 =
	// 30 min, negative = it ends with its last connection.
	DetachGrace time.Duration
	// DetachedOutput is what becomes of output meanwhile.
	DetachedOutput DetachedOutput
	// Idle ends a session without human input. 0 = 8 h, negative = never.
	Idle time.Duration
	// Lifetime ends a session at this age. 0 = 24 h, negative = never.
	Lifetime time.Duration
	// HelloTimeout is how long a client has for its first message. 0 = 10 s,
	// negative = for ever.
	HelloTimeout time.Duration

	// Record opens what a session is recorded to, before its command starts;
	// Info names the session and the operator, so that a file can be named
	// after them. The recording is an asciicast (version 2): what is shown,
	// the sizes, and what is typed while the terminal echoes. It is closed
	// when the session has ended. Nil records nothing.
	Record func(Info) (io.WriteCloser, error)
	// RecordPolicy is what becomes of a session that cannot be recorded.
	// Empty = RecordBestEffort.
	RecordPolicy RecordPolicy
	// RecordMax caps a recording in bytes. 0 = 256 MiB, negative = no cap.
	RecordMax int64

	// StateDir is an absolute directory that holds what a crash needs: which
	// processes belong to us, and which sessions were open. Empty = processes
	// and sessions of a crashed server are not found again.
	StateDir string
	// Cgroup is the cgroup v2 directory below which sessions get one of their
	// own. Empty = the server's own where it can be written, "-" = none.
	Cgroup string

	// Logger takes the fuller text of what clients are told in few words.
	// Nil is slog.Default().
	Logger *slog.Logger
	// Registerer takes the metrics. Nil = no metrics; two handlers on one
	// registry share their series.
	Registerer prometheus.Registerer
	// Audit takes events one at a time, in order. Nil drops them.
	Audit func(context.Context, Event)
}

// Terminal is one terminal that operators may open. One of Command and Open is
// required. A limit of zero takes the Config's.
type Terminal struct {
	_ [0]func()

	// Title is shown to people. Empty is the name.
	Title string
	// Command returns the command to run, not yet started. Its standard
	// streams are replaced by the terminal. A nil Env becomes PATH, HOME,
	// USER, LOGNAME, SHELL, LANG, LC_* and TZ of the host with TERM set for
	// xterm.js; any other is passed on as it is, TERM added where it lacks.
	Command func(context.Context, Start) (*exec.Cmd, error)
	// Open starts a process of another kind.
	Open func(context.Context, Start) (Process, error)
	// ReadOnly terminals can be watched, not typed into.
	ReadOnly bool
	// KeepDaemons leaves processes that have left the session (daemons,
	// setsid) alone when it ends; they are counted. For a Command only.
	KeepDaemons bool

	// Record, RecordPolicy and RecordMax override the Config's.
	Record       func(Info) (io.WriteCloser, error)
	RecordPolicy RecordPolicy
	RecordMax    int64

	// Window, Ring, DetachGrace, DetachedOutput, Idle and Lifetime override
	// the Config's.
	Window, Ring                int
	DetachGrace, Idle, Lifetime time.Duration
	DetachedOutput              DetachedOutput
}

// Validate joins every fault of the configuration, each naming its field. It
// has no side effects.
func (c Config) Validate() error {
	var errs []error
	if len(c.Terminals) == 0 && c.Lookup == nil {
		errs = append(errs, fmt.Errorf("%s: at least one terminal, or a Lookup, is required", "Terminals"))
	}
	for _, name := range sortedNames(c.Terminals) {
		field := fmt.Sprintf("Terminals[%q]", name)
		if !validName.MatchString(name) {
			errs = append(errs, fmt.Errorf("%s: the name must match %s", field, validName))
		}
		errs = append(errs, c.Terminals[name].validate(field+"."))
	}
	errs = append(errs, checkSizes("", c.Window, c.Ring, c.DetachedOutput), c.RecordPolicy.check(""))
	if c.StateDir != "" && !filepath.IsAbs(c.StateDir) {
		errs = append(errs, fmt.Errorf("StateDir: %q is not an absolute path", c.StateDir))
	}
	errs = append(errs, c.guard().Validate())
	return errors.Join(errs...)
}

func (t Terminal) validate(field string) error {
	var errs []error
	if (t.Command == nil) == (t.Open == nil) {
		errs = append(errs, fmt.Errorf("%sCommand: exactly one of Command and Open is required", field))
	}
	if t.KeepDaemons && t.Open != nil {
		errs = append(errs, fmt.Errorf("%sKeepDaemons: has a meaning for a Command only", field))
	}
	errs = append(errs, checkSizes(field, t.Window, t.Ring, t.DetachedOutput), t.RecordPolicy.check(field))
	return errors.Join(errs...)
}

func checkSizes(field string, window, ring int, d DetachedOutput) error {
	var errs []error
	if window > 0 && (window < windowMin || window > windowMax) {
		errs = append(errs, fmt.Errorf("%sWindow: %d is not within %d…%d bytes", field, window, windowMin, windowMax))
	}
	if ring > 0 && ring < windowMin {
		errs = append(errs, fmt.Errorf("%sRing: %d is less than %d bytes", field, ring, windowMin))
	}
	if d != DetachedWait && d != DetachedDiscard {
		errs = append(errs, fmt.Errorf("%sDetachedOutput: unknown value %q", field, d))
	}
	return errors.Join(errs...)
}

func (c Config) guard() gate.GuardConfig {
	return gate.GuardConfig{
		Part: "terminal", Authorize: c.Authorize, Origins: c.Origins, AllowNoOrigin: c.AllowNoOrigin,
		ClientIP: c.ClientIP, Revalidate: c.Revalidate, Logger: c.Logger, Audit: c.Audit, Limits: c.Limits,
	}
}

// settings are the values that hold for one terminal.
type settings struct {
	Terminal
	window  int64
	keep    int64
	discard bool
	limits  limits
}

func (c *Config) settings(t Terminal) settings {
	s := settings{Terminal: t}
	window := pick(t.Window, c.Window, windowDefault)
	s.window = int64(max(window, windowMin))
	s.keep = int64(pick(t.Ring, c.Ring, ringDefault))
	if s.keep < s.window {
		s.keep = s.window
	}
	s.discard = t.DetachedOutput == DetachedDiscard || t.DetachedOutput == DetachedWait && c.DetachedOutput == DetachedDiscard
	if s.Record == nil {
		s.Record = c.Record
	}
	if s.RecordPolicy == "" {
		s.RecordPolicy = c.RecordPolicy
	}
	s.RecordMax = pick(t.RecordMax, c.RecordMax)
	s.limits.idle = max(pick(t.Idle, c.Idle, idleDefault), 0)
	s.limits.lifetime = max(pick(t.Lifetime, c.Lifetime, lifetimeDefault), 0)
	s.limits.grace = max(pick(t.DetachGrace, c.DetachGrace, graceDefault), 1)
	return s
}

// windowFor is the window of a client that asks for one of the given size.
func (s *settings) windowFor(asked int) int64 {
	if asked == 0 {
		return s.window
	}
	return min(max(int64(asked), windowMin), windowMax, s.keep)
}

// pick returns the first value that is not zero.
func pick[T int | int64 | time.Duration](values ...T) T {
	for _, v := range values {
		if v != 0 {
			return v
		}
	}
	return 0
}

func sortedNames(m map[string]Terminal) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
