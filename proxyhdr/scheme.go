package proxyhdr

import (
	"net/http"
	"strings"
)

// believeScheme fills in what a trusted peer says about scheme and host. What does not follow the
// grammar is ignored: it must never reach a Location or a cookie, and the connection's own scheme
// and the Host are always there to fall back on.
func (rs *Resolver) believeScheme(c *Client, near *element, h http.Header) {
	proto, host := near.proto, near.host
	if rs.cfg.Header != Forwarded {
		proto = lastElement(h[keyXForwardedProto])
		if rs.cfg.ForwardedHost {
			host = lastElement(h[keyXForwardedHost])
		}
	}
	switch {
	case strings.EqualFold(proto, "https"):
		c.Scheme = "https"
	case strings.EqualFold(proto, "http"):
		c.Scheme = "http"
	}
	if rs.cfg.ForwardedHost && isHost(host) {
		c.Host = host
	}
}

// lastElement returns the rightmost element of a list field, "" if there is none.
func lastElement(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	w := newListWalk(lines, true)
	text, err := w.next()
	if err != nil {
		return ""
	}
	return text
}

func connScheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// isHost tells whether s is a host with an optional port, as in a Host field: a name, an IPv4
// address, or a bracketed IPv6 address. Names are held to letters, digits, "-", "." and "_".
func isHost(s string) bool {
	if s == "" || len(s) > 255+len(":65535") {
		return false
	}
	if s[0] == '[' {
		_, rest, ok := parseBracketed(s)
		return ok && (rest == "" || isPort(rest))
	}
	name := s
	if i := strings.IndexByte(s, ':'); i >= 0 {
		if name = s[:i]; !isPort(s[i:]) {
			return false
		}
	}
	if name == "" || name[0] == '.' || name[0] == '-' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isAlnum(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}
