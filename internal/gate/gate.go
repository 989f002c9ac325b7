package gate

import (
	"net/http"
	"strings"
)

// Config is what a [Gate] admits.
type Config struct {
	// Origins are the exact origins of our own pages. Empty admits direct
	// loopback requests only (and forwarded ones with OriginFromProxy).
	Origins []string
	// OriginFromProxy takes the origin of a forwarded request from what a
	// trusted proxy says: exactly one X-Forwarded-Proto of https and a Host
	// without a port. It counts only while Origins is empty.
	OriginFromProxy bool
	// AllowNoOrigin admits WebSocket handshakes without an Origin header:
	// command-line clients. Browsers always send one.
	AllowNoOrigin bool
	// Peer tells what is known of the TCP peer. Nil trusts nobody and looks
	// for forwarding headers on the request itself.
	Peer func(*http.Request) Peer
}

// Gate checks Host, Origin and Sec-Fetch-Site.
type Gate struct {
	origins map[string]bool
	hosts   map[string]bool
	cfg     Config
}

// New returns a Gate. It fails when an entry of Origins is not an origin.
func New(cfg Config) (*Gate, error) {
	if err := ValidateOrigins("Origins", cfg.Origins); err != nil {
		return nil, err
	}
	g := &Gate{origins: map[string]bool{}, hosts: map[string]bool{}, cfg: cfg}
	for _, o := range cfg.Origins {
		origin, host, _ := parseOrigin(o)
		g.origins[origin], g.hosts[host] = true, true
	}
	if g.cfg.Peer == nil {
		g.cfg.Peer = func(r *http.Request) Peer { return Peer{Forwarded: hasForwardingHeader(r.Header)} }
	}
	return g, nil
}

// Check returns nil or a [*Problem]: 421 for a Host that is not ours, 403 for
// an Origin that is not ours whatever the method, and for a request that the
// browser itself says comes from another site.
func (g *Gate) Check(r *http.Request) error { return g.check(r, false) }

// CheckPage is Check for routes that answer with an HTML page: a link from
// another site may lead there, so top-level navigation is let through.
func (g *Gate) CheckPage(r *http.Request) error { return g.check(r, true) }

// CheckUpgrade is Check for a WebSocket handshake, which must carry exactly
// one Origin unless AllowNoOrigin is set.
func (g *Gate) CheckUpgrade(r *http.Request) error {
	if err := g.check(r, false); err != nil {
		return err
	}
	if len(r.Header["Origin"]) == 0 && !g.cfg.AllowNoOrigin {
		return Forbidden("origin-missing", "a WebSocket handshake must carry an Origin header",
			"browsers send one by themselves; for command-line clients add an Origin header, or set AllowNoOrigin")
	}
	return nil
}

// Wrap answers what Check refuses and passes on the rest.
func (g *Gate) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := g.Check(r); err != nil {
			AsProblem(err).Write(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (g *Gate) check(r *http.Request, page bool) error {
	want, p := g.checkHost(r)
	if p != nil {
		return p
	}
	if p := g.checkOrigin(r, want); p != nil {
		return p
	}
	if p := checkFetchSite(r, page); p != nil {
		return p
	}
	return nil
}

// checkHost returns the one origin that the request's Host implies, or ""
// when the configured list decides.
func (g *Gate) checkHost(r *http.Request) (origin string, p *Problem) {
	name, port, err := splitHost(r.Host)
	if err != nil {
		return "", misdirected("the Host header is missing or malformed", "")
	}
	if len(g.origins) > 0 {
		if !g.hosts[name] {
			return "", misdirected("this Host is not one of ours",
				"the Host must be the name in one of the configured origins; in nginx: proxy_set_header Host $host;")
		}
		return "", nil
	}
	peer := g.cfg.Peer(r)
	if peer.Forwarded {
		return g.checkForwarded(r, peer, name, port)
	}
	if !loopbackPeer(r.RemoteAddr) {
		return "", Forbidden("origins-unset", "only direct requests from this machine are served while no origins are configured",
			"configure origins with the address in the operator's browser, such as https://pruvon.example.internal")
	}
	if !loopbackName(name) {
		return "", misdirected("this Host is not one of ours", "use http://127.0.0.1 or http://localhost, or configure origins")
	}
	return "http://" + joinHost(name, trimDefaultPort(port, "80")), nil
}

func (g *Gate) checkForwarded(r *http.Request, peer Peer, name, port string) (string, *Problem) {
	if !g.cfg.OriginFromProxy || !peer.Trusted {
		return "", Forbidden("origins-unset", "forwarded requests are not served while no origins are configured",
			"configure origins with the address in the operator's browser, such as https://pruvon.example.internal")
	}
	proto := r.Header["X-Forwarded-Proto"]
	if len(proto) != 1 || proto[0] != "https" || len(r.Header["X-Forwarded-For"]) == 0 {
		return "", Forbidden("origin-unknown", "the proxy does not say that the client came by https",
			"without configured origins only nginx with TLS on port 443 is served: proxy_set_header X-Forwarded-Proto $scheme; and X-Forwarded-For $proxy_add_x_forwarded_for; or configure origins")
	}
	if port != "" {
		return "", Forbidden("origin-unknown", "the Host header carries a port",
			"without configured origins only nginx on port 443 is served, with proxy_set_header Host $host; for another port configure origins")
	}
	if loopbackName(name) {
		return "", misdirected("a forwarded request must not name this machine",
			"the proxy sends its upstream's address as Host; in nginx: proxy_set_header Host $host;")
	}
	return "https://" + joinHost(name, ""), nil
}

func (g *Gate) checkOrigin(r *http.Request, want string) *Problem {
	values := r.Header["Origin"]
	if len(values) == 0 {
		return nil
	}
	if len(values) > 1 {
		return Forbidden("origin-denied", "the request carries several Origin headers", "")
	}
	origin, _, err := parseOrigin(values[0])
	ok := err == nil && (want != "" && origin == want || want == "" && g.origins[origin])
	if !ok {
		return Forbidden("origin-denied", "this origin is not one of ours",
			"if this is your own page, its address (scheme, name and port) must be in origins; "+
				"without origins, behind a proxy, only https on port 443 is served")
	}
	return nil
}

// checkFetchSite uses the browser's own word (Fetch Metadata) to deny, never
// to admit: Chromium sends none on ws:// handshakes, old browsers none at all.
func checkFetchSite(r *http.Request, page bool) *Problem {
	for _, v := range r.Header["Sec-Fetch-Site"] {
		switch v {
		case "same-origin", "none":
		default:
			if page && isNavigation(r) {
				continue
			}
			return Forbidden("cross-site", "the browser says that another site sent this request", "")
		}
	}
	return nil
}

func isNavigation(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

func misdirected(detail, hint string) *Problem {
	return &Problem{Name: "misdirected", Title: "Misdirected request", Status: http.StatusMisdirectedRequest, Detail: detail, Hint: hint}
}

func trimDefaultPort(port, def string) string {
	if port == def {
		return ""
	}
	return port
}

// hasForwardingHeader reports whether any header says that a proxy passed the
// request on. Names are compared with '_' and '.' folded to '-', as CGI-style
// stacks do, so that an alias cannot make a forwarded request look direct.
func hasForwardingHeader(h http.Header) bool {
	for name := range h {
		n := strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name))
		if strings.HasPrefix(n, "x-forwarded") {
			return true
		}
		switch n {
		case "forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip", "client-ip", "x-client-ip",
			"x-cluster-client-ip", "fastly-client-ip", "x-original-forwarded-for", "x-original-url", "x-rewrite-url":
			return true
		}
	}
	return false
}
