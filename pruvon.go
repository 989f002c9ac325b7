package pruvon

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"

	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/page"
	"github.com/pruvon/pruvon/ipfilter"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/pruvon/pruvon/terminal"
)

// App is the handler that [New] puts together. Mount it with
// http.StripPrefix, at the root or below any path.
type App struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics
	chain   http.Handler

	proxy    *proxyhdr.Resolver
	filter   *ipfilter.Filter // nil: every address
	gate     *gate.Gate
	guard    *gate.Guard // for the page
	page     http.Handler
	terminal *terminal.Handler
	logs     *logs.Handler
	imports  *imports.Handler
}

// New validates the whole configuration before it registers a metric or starts
// a goroutine, then starts the parts. Call [App.Shutdown] in the end.
func New(cfg Config) (*App, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	cfg = cfg.filled(clientIP)
	a := &App{cfg: cfg, log: cfg.Logger}
	if err := a.start(); err != nil {
		ctx, cancel := context.WithTimeout(context.Background(), drainMargin)
		defer cancel()
		return nil, errors.Join(err, a.Shutdown(ctx))
	}
	return a, nil
}

func (a *App) start() (err error) {
	if a.metrics, err = newMetrics(a.cfg.Registerer); err != nil {
		return err
	}
	proxy := a.cfg.proxy()
	if proxy.Logger == nil {
		proxy.Logger = a.log
	}
	if a.proxy, err = proxyhdr.New(proxy); err != nil {
		return err
	}
	if a.gate, err = gate.New(gate.Config{
		Origins: a.cfg.Origins, OriginFromProxy: a.cfg.OriginFromProxy,
		AllowNoOrigin: a.cfg.AllowNoOrigin, Peer: peer,
	}); err != nil {
		return err
	}
	if a.guard, err = gate.NewGuard(gate.GuardConfig{
		Part: "page", Authorize: a.cfg.Authorize, ClientIP: clientIP, Logger: a.log, Audit: a.cfg.Audit,
	}); err != nil {
		return err
	}
	if a.cfg.Filter != nil {
		filter := *a.cfg.Filter
		if a.cfg.Audit != nil {
			filter.Audit = a.guard.Audit // the guard's queue keeps a slow hook off the request
		}
		if a.filter, err = ipfilter.New(filter); err != nil {
			return err
		}
	}
	if err := a.startParts(); err != nil {
		return err
	}
	a.chain = a.proxy.Wrap(a.filtered(http.HandlerFunc(a.serveChecked)))
	if len(a.cfg.Origins) == 0 && a.cfg.OriginFromProxy {
		a.log.Warn("no origins are configured: the Host that the proxy forwards is taken for ours; " +
			"set origins to the address in the operators' browsers")
	}
	return nil
}

func (a *App) startParts() (err error) {
	var o page.Options
	if a.cfg.Terminal != nil {
		if a.terminal, err = terminal.New(*a.cfg.Terminal); err != nil {
			return err
		}
		o.Terminal = terminal.Assets()
	}
	if a.cfg.Logs != nil {
		if a.logs, err = logs.New(*a.cfg.Logs); err != nil {
			return err
		}
		o.Logs = logs.Assets()
	}
	if a.cfg.Imports != nil {
		if a.imports, err = imports.New(*a.cfg.Imports); err != nil {
			return err
		}
		o.Imports = imports.Assets()
	}
	if a.cfg.Page != nil {
		o.Xterm, o.Title = a.cfg.Page.Xterm, a.cfg.Page.Title
	}
	a.page, err = page.New(o)
	return err
}

// peer is what the gate may know of the TCP peer. A forwarded request that
// arrives on port 80 or 443 came to a service that browsers reach directly:
// there, what its peer says about the client's scheme proves nothing.
func peer(r *http.Request) gate.Peer {
	client, _ := proxyhdr.FromContext(r.Context())
	p := gate.Peer{Trusted: client.PeerTrusted, Forwarded: client.Forwarded}
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok && (addr.Port == 80 || addr.Port == 443) {
		p.Trusted = false
	}
	return p
}

// Revoke ends a user's terminal sessions, attached and detached, and their log
// and import streams within a second, and returns how many it ended. Imports
// themselves go on.
func (a *App) Revoke(user string) int {
	n := 0
	if a.terminal != nil {
		n += a.terminal.Revoke(user)
	}
	if a.logs != nil {
		n += a.logs.Revoke(user)
	}
	if a.imports != nil {
		n += a.imports.Revoke(user)
	}
	return n
}
