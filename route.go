package pruvon

import (
	"net/http"
	"strings"

	"github.com/pruvon/pruvon/internal/gate"
)

// route is where a path leads.
type route struct {
	part string // "" is unknown
	name string // one path segment below the part
}

// The parts of the path space.
const (
	partPage     = "page"
	partAssets   = "assets"
	partTerminal = "terminals"
	partLogs     = "logs"
	partImports  = "imports"
	partWhoami   = "whoami"
	partHealthz  = "healthz"
)

// parseRoute takes a path below the mount point apart. A trailing slash is
// only right at the mount point itself: relative links would otherwise lead
// one level too deep.
func parseRoute(path string) route {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return route{part: partPage}
	}
	part, rest, below := strings.Cut(path, "/")
	if strings.HasSuffix(path, "/") {
		return route{}
	}
	switch part {
	case partTerminal, partLogs:
		if below && strings.Contains(rest, "/") {
			return route{}
		}
		return route{part: part, name: rest}
	case partImports, partAssets:
		if part == partAssets && !below {
			return route{}
		}
		return route{part: part, name: rest}
	case partWhoami, partHealthz:
		if below {
			return route{}
		}
		return route{part: part}
	}
	return route{}
}

// ServeHTTP answers the routes of the package comment.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if parseRoute(r.URL.Path).part == partHealthz {
		a.serveHealthz(w, r)
		return
	}
	a.chain.ServeHTTP(w, r)
}

// filtered puts the address filter in front, if there is one.
func (a *App) filtered(next http.Handler) http.Handler {
	if a.filter == nil {
		return next
	}
	return a.filter.Wrap(next)
}

// serveChecked comes after the address filter: Host and Origin, then the
// route.
func (a *App) serveChecked(w http.ResponseWriter, r *http.Request) {
	rt := parseRoute(r.URL.Path)
	check := a.gate.Check
	if rt.part == partPage {
		check = a.gate.CheckPage
	}
	if err := check(r); err != nil {
		a.refuse(w, r, err)
		return
	}
	r = r.WithContext(gate.WithChecked(r.Context(), a.checked(r)))
	switch {
	case rt.part == partWhoami:
		a.serveWhoami(w, r)
	case rt.part == partPage && a.cfg.Page != nil:
		a.servePage(w, r)
	case rt.part == partAssets:
		a.page.ServeHTTP(w, r)
	case rt.part == partTerminal && a.terminal != nil:
		a.serveNamed(w, r, rt.name, a.terminal, a.terminal.List)
	case rt.part == partLogs && a.logs != nil:
		a.serveNamed(w, r, rt.name, a.logs, a.logs.List)
	case rt.part == partImports && a.imports != nil:
		http.StripPrefix("/"+partImports, a.imports).ServeHTTP(w, r)
	default:
		gate.NotFound("there is nothing at this address").Write(w, r)
	}
}

// checked is the mark that spares the parts our checks, and lets them repeat
// the address filter's while a stream lives.
func (a *App) checked(r *http.Request) gate.Checked {
	addr, _ := clientIP(r)
	c := gate.Checked{Addr: addr, Upgrade: func(r *http.Request) error {
		err := a.gate.CheckUpgrade(r)
		if err != nil {
			a.denied(r, gate.AsProblem(err))
		}
		return err
	}}
	if a.filter != nil {
		c.Recheck = func() error { return a.filter.Check(r) }
	}
	return c
}

func (a *App) serveNamed(w http.ResponseWriter, r *http.Request, name string, part http.Handler, list http.HandlerFunc) {
	if name == "" {
		list(w, r)
		return
	}
	r.SetPathValue("name", name)
	part.ServeHTTP(w, r)
}

func (a *App) servePage(w http.ResponseWriter, r *http.Request) {
	if _, err := a.guard.Admit(r, Resource{Action: ActionView}); err != nil {
		a.refuse(w, r, err)
		return
	}
	a.page.ServeHTTP(w, r)
}

// refuse answers with the problem in err and keeps its fuller text for the
// log.
func (a *App) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p := gate.AsProblem(err)
	a.denied(r, p)
	p.Write(w, r)
}
