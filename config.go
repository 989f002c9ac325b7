package pruvon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/ipfilter"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/pruvon/pruvon/terminal"
)

// Config says what to mount and who may use it. [New] copies it.
type Config struct {
	_ [0]func()

	// Origins are the addresses of the page as browsers see them, exactly:
	// scheme://host[:port]. The Host headers that are served follow from
	// them. Empty serves direct requests on loopback only.
	Origins []string
	// OriginFromProxy serves, while Origins is empty, also what a trusted
	// proxy forwards with an X-Forwarded-Proto of https and a Host without a
	// port. It cannot see whether that Host is really ours: prefer Origins.
	// It is refused for requests that arrive on port 80 or 443.
	OriginFromProxy bool
	// AllowNoOrigin admits WebSocket handshakes without an Origin header:
	// command-line clients. Browsers always send one.
	AllowNoOrigin bool

	// Proxy says whom to believe about client addresses. Nil is
	// [proxyhdr.Nginx].
	Proxy *proxyhdr.Config
	// Filter is the address filter. Nil admits every address. Its ClientIP,
	// Logger, Registerer and Audit must be empty: they get ours.
	Filter *ipfilter.Config

	// Terminal, Logs and Imports are the parts; nil ones are not mounted.
	// Their Authorize, Origins, AllowNoOrigin, ClientIP, Revalidate, Logger,
	// Registerer and Audit must be empty: they get ours.
	Terminal *terminal.Config
	Logs     *logs.Config
	Imports  *imports.Config
	// Page mounts the page at the root. Nil mounts none.
	Page *Page

	// Authorize decides about each request. Required. [ErrUnauthenticated]
	// becomes 401, [ErrDenied] 403, any other error 503. It is asked again
	// while a stream lives and on every reattach.
	Authorize func(*http.Request, Resource) (Access, error)
	// Revalidate is how often. 0 = 30 s, negative = never.
	Revalidate time.Duration
	// Audit takes events, in order for each session, off the data path. It
	// is called by one goroutine of each part. Nil drops them.
	Audit func(context.Context, Event)

	// Logger takes what operators of the service should know. Nil is
	// slog.Default().
	Logger *slog.Logger
	// Registerer takes the metrics. Nil = no metrics; two Apps on one
	// registry share their series.
	Registerer prometheus.Registerer
}

// Page configures the page.
type Page struct {
	// Xterm holds xterm.js 6: the files xterm.mjs (or xterm.js as a module),
	// xterm.css and addon-fit.mjs. Nil serves a page that says what is
	// missing and still shows logs and imports.
	Xterm fs.FS
	// Title is the document's title. Default "Pruvon".
	Title string
}

// Validate joins every fault of the configuration, each naming its field. It
// has no side effects.
func (c Config) Validate() error {
	var errs []error
	if c.Authorize == nil {
		errs = append(errs, errors.New("Authorize: required: who may come in has no safe default"))
	}
	errs = append(errs, gate.ValidateOrigins("Origins", c.Origins))
	if c.Terminal == nil && c.Logs == nil && c.Imports == nil {
		errs = append(errs, errors.New("Terminal, Logs, Imports: at least one part is required"))
	}
	errs = append(errs, under("Proxy", c.proxy().Validate()))
	errs = append(errs, c.ownFields()...)
	if c.Authorize == nil {
		// Said once is enough: the parts would repeat it.
		c.Authorize = func(*http.Request, Resource) (Access, error) { return Access{}, ErrDenied }
	}
	c = c.filled(clientIP)
	if c.Filter != nil {
		errs = append(errs, under("Filter", c.Filter.Validate()))
	}
	if c.Terminal != nil {
		errs = append(errs, under("Terminal", c.Terminal.Validate()))
	}
	if c.Logs != nil {
		errs = append(errs, under("Logs", c.Logs.Validate()))
	}
	if c.Imports != nil {
		errs = append(errs, under("Imports", c.Imports.Validate()))
	}
	return errors.Join(errs...)
}

func (c Config) proxy() proxyhdr.Config {
	if c.Proxy == nil {
		return proxyhdr.Nginx()
	}
	return *c.Proxy
}

// under puts a field in front of every fault that an error joins.
func under(field string, err error) error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return fmt.Errorf("%s.%w", field, err)
	}
	var errs []error
	for _, e := range joined.Unwrap() {
		errs = append(errs, under(field, e))
	}
	return errors.Join(errs...)
}
