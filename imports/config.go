package imports

import (
	"context"
	"errors"
	"fmt"
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

// What a host's hooks get and return, the same in every part.
type (
	// Access is what Authorize grants.
	Access = gate.Access
	// Resource is what a request is about.
	Resource = gate.Resource
	// Action is what a request wants to do.
	Action = gate.Action
	// Event is a line of the audit trail.
	Event = gate.Event
	// Limits are caps on uploads and event streams that live at once.
	Limits = gate.Limits
)

// Errors that Authorize may return.
var (
	ErrUnauthenticated = gate.ErrUnauthenticated
	ErrDenied          = gate.ErrDenied
)

// ErrNotFound is what Lookup returns for a name it does not know.
var ErrNotFound = errors.New("no such import target")

// Config is what an import [Handler] needs. Everywhere: zero takes the
// default, negative switches off.
type Config struct {
	_ [0]func()

	// Dir holds the uploads and the journal; it is made with mode 0700. One
	// process uses it at a time. Required, absolute.
	Dir string

	// Targets are what can be imported into, by name. Names match
	// [A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}.
	Targets map[string]Target
	// Lookup finds targets that are not in Targets. It returns [ErrNotFound]
	// for an unknown name. Nil has none.
	Lookup func(ctx context.Context, name string) (Target, error)

	// Authorize decides about each request. Required; pruvon.New sets it,
	// Origins, ClientIP, Logger, Registerer and Audit itself.
	Authorize func(*http.Request, Resource) (Access, error)
	// Origins are the exact origins of the pages that may use this handler.
	// Nil admits direct loopback requests only.
	Origins []string
	// AllowNoOrigin admits WebSockets of command-line clients.
	AllowNoOrigin bool
	// ClientIP finds the client's address. Nil takes the TCP peer.
	ClientIP func(*http.Request) (netip.Addr, error)
	// Revalidate is how often Authorize is asked about an open event stream.
	// Default 30 s, negative never.
	Revalidate time.Duration
	// Limits cap uploads in flight and event streams together.
	Limits Limits

	// Slots is how many imports run at once, all targets together. Default 2,
	// negative no limit.
	Slots int
	// MaxBytes is the largest upload where a target sets none. Default
	// 10 GiB, negative no limit.
	MaxBytes int64
	// MaxDecompressedBytes is the most an importer is fed where a target sets
	// none. Default 100 GiB, negative no limit.
	MaxDecompressedBytes int64
	// MaxRatio is how many times its stored size input may decompress to,
	// checked from 64 MiB on. Default 250, negative no limit. Text compresses
	// 4 to 20 times, a bomb a thousand times and more.
	MaxRatio int
	// ReserveFree is how many bytes of the file system uploads must leave
	// free. Default 256 MiB, negative none.
	ReserveFree int64
	// UserBytes is how many bytes the uploads of one user may occupy. Default
	// 50 GiB, negative no limit.
	UserBytes int64
	// OpenUploads is how many unfinished uploads one user may have. Default
	// 100, negative no limit.
	OpenUploads int

	// UploadIdle is how long an upload's connection may be silent. Default
	// 60 s, negative for ever.
	UploadIdle time.Duration
	// UploadAge is how long a resumable upload waits for its next part before
	// it expires. Default 24 h, negative for ever.
	UploadAge time.Duration
	// StallAfter is how long neither input nor output may move before an
	// import is flagged as stalled. Default 60 s, negative never.
	StallAfter time.Duration
	// Timeout ends an import that runs longer (outcome timed_out). Default
	// none.
	Timeout time.Duration
	// KeepData is how long the bytes of an import that did not succeed are
	// kept for a retry. Default 24 h, negative not at all.
	KeepData time.Duration
	// KeepRecords is how long a finished import and its output are kept.
	// Default 30 days, negative for ever.
	KeepRecords time.Duration
	// MaxRecords is how many finished imports of a target are kept. Default
	// 200, negative all.
	MaxRecords int
	// OutputBytes is how much of an importer's output is kept, half of it
	// from the start and the rest from the end. Default 4 MiB.
	OutputBytes int64
	// Redact changes printed text before anything is kept of it. It is called
	// with whole lines (longer ones in pieces of 32 KiB). Nil changes nothing.
	Redact func([]byte) []byte
	// XZ returns the command that decompresses xz from its standard input,
	// usually xz -dc. Nil refuses xz.
	XZ func(ctx context.Context) (*exec.Cmd, error)

	// Logger is for the operator. Nil is slog.Default().
	Logger *slog.Logger
	// Registerer takes the metrics. Nil registers none.
	Registerer prometheus.Registerer
	// Audit takes what operators did, in order and off the data path.
	Audit func(context.Context, Event)

	fault func(op string) // the crash tests' hook, after each change on disk
}

// Target is something that can be imported into.
type Target struct {
	// Title is for people. Default: the name.
	Title string
	// Importer does the work. Required.
	Importer Importer
	// Accept lists the formats that are let through to the importer. Nil
	// accepts any.
	Accept []Format
	// Detect recognises formats of the host's own in the first bytes after
	// decompression, at most 4 KiB. It is asked first and returns "" for what
	// it does not know. Nil knows none.
	Detect func(head []byte) Format
	// MaxBytes and MaxDecompressedBytes override the Config's; zero takes
	// those, negative switches off.
	MaxBytes             int64
	MaxDecompressedBytes int64
	// Lock admits one import at a time.
	Lock bool
	// Verify reads and decompresses the whole input once before the importer
	// is started, so that a damaged file changes nothing.
	Verify bool
	// Files is a directory on the server from which imports may be started
	// without an upload. Only regular files directly in it can be named.
	// Empty: none.
	Files string
	// Timeout overrides the Config's.
	Timeout time.Duration
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}$`)

// Validate joins every fault, each naming its field. It has no side effect.
func (c Config) Validate() error {
	errs := []error{c.guard().Validate()}
	return errors.Join(append(errs, c.validateOwn())...)
}

func (c Config) validateOwn() error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, fault("Dir", "required"))
	} else if !filepath.IsAbs(c.Dir) {
		errs = append(errs, fault("Dir", fmt.Sprintf("%q is not absolute", c.Dir)))
	}
	if len(c.Targets) == 0 && c.Lookup == nil {
		errs = append(errs, fault("Targets", "required, unless Lookup is set"))
	}
	for _, name := range c.names() {
		t := c.Targets[name]
		if !namePattern.MatchString(name) {
			errs = append(errs, fault("Targets", fmt.Sprintf("%q is not a valid name", name)))
		}
		if err := t.validate(); err != nil {
			errs = append(errs, fmt.Errorf("Targets[%q].%w", name, err))
		}
	}
	if c.OutputBytes < 0 {
		errs = append(errs, fault("OutputBytes", "cannot be off; the smallest useful value is 64 KiB"))
	}
	return errors.Join(errs...)
}

func (t Target) validate() error {
	if t.Importer == nil {
		return fault("Importer", "required")
	}
	if t.Files != "" && !filepath.IsAbs(t.Files) {
		return fault("Files", fmt.Sprintf("%q is not absolute", t.Files))
	}
	for _, f := range t.Accept {
		if f == "" {
			return fault("Accept", "holds an empty format")
		}
	}
	return nil
}

// fault names the field that it is about.
func fault(field, text string) error { return fmt.Errorf("%s: %s", field, text) }

// names are the configured targets in order.
func (c Config) names() []string {
	names := make([]string, 0, len(c.Targets))
	for name := range c.Targets {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (c Config) guard() gate.GuardConfig {
	return gate.GuardConfig{
		Part: "imports", Authorize: c.Authorize, Origins: c.Origins, AllowNoOrigin: c.AllowNoOrigin,
		ClientIP: c.ClientIP, Revalidate: c.Revalidate, Logger: c.Logger, Audit: c.Audit, Limits: c.Limits,
	}
}

func (c Config) withDefaults() Config {
	setDefault(&c.Slots, 2)
	setDefault(&c.MaxBytes, 10<<30)
	setDefault(&c.MaxDecompressedBytes, 100<<30)
	setDefault(&c.MaxRatio, 250)
	setDefault(&c.ReserveFree, 256<<20)
	setDefault(&c.UserBytes, 50<<30)
	setDefault(&c.OpenUploads, 100)
	setDefault(&c.UploadIdle, time.Minute)
	setDefault(&c.UploadAge, 24*time.Hour)
	setDefault(&c.StallAfter, time.Minute)
	setDefault(&c.Timeout, -1)
	setDefault(&c.KeepData, 24*time.Hour)
	setDefault(&c.KeepRecords, 30*24*time.Hour)
	setDefault(&c.MaxRecords, 200)
	setDefault(&c.OutputBytes, 4<<20)
	c.OutputBytes = max(c.OutputBytes, 64<<10)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	targets := make(map[string]Target, len(c.Targets))
	for name, t := range c.Targets {
		targets[name] = c.complete(name, t)
	}
	c.Targets = targets
	return c
}

// complete gives a target the Config's values where it has none.
func (c Config) complete(name string, t Target) Target {
	if t.Title == "" {
		t.Title = name
	}
	setDefault(&t.MaxBytes, c.MaxBytes)
	setDefault(&t.MaxDecompressedBytes, c.MaxDecompressedBytes)
	setDefault(&t.Timeout, c.Timeout)
	t.Accept = slices.Clone(t.Accept)
	return t
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}
