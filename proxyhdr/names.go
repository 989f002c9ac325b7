package proxyhdr

import (
	"net/http"
	"slices"
)

const (
	keyXForwardedFor   = "X-Forwarded-For"
	keyForwarded       = "Forwarded"
	keyXRealIP         = "X-Real-Ip"
	keyXForwardedProto = "X-Forwarded-Proto"
	keyXForwardedHost  = "X-Forwarded-Host"
)

// forwardingPrefixes are beginnings, in folded form, that only forwarding fields have.
var forwardingPrefixes = [...]string{"x-forwarded", "forwarded", "x-original-", "cf-connecting-"}

// maxNameBytes is more than the longest forwarding field's name.
const maxNameBytes = 128

// isForwardingName tells whether name, in any spelling, is a field by which proxies tell, or
// clients pretend to tell, where a request came from or what it was before it was forwarded.
func isForwardingName(name string) bool {
	// Most fields of a request are ruled out here without folding.
	if len(name) < len("x-host") || len(name) > maxNameBytes {
		return false
	}
	switch name[0] | 0x20 {
	case 'x', 'f', 'c', 't', 'a', 'd', 'p', 'r', 'w':
	default:
		return false
	}
	var buf [maxNameBytes]byte
	folded := foldName(buf[:0], name)
	for _, p := range forwardingPrefixes {
		if len(folded) >= len(p) && string(folded[:len(p)]) == p {
			return true
		}
	}
	switch string(folded) {
	case "x-real-ip", "x-real-port", "true-client-ip", "true-real-ip", "client-ip", "x-client-ip",
		"x-cluster-client-ip", "x-client-port", "x-remote-ip", "x-remote-addr", "remote-addr",
		"x-proxyuser-ip", "proxy-client-ip", "wl-proxy-client-ip", "cf-pseudo-ipv4",
		"fastly-client-ip", "fly-client-ip", "fly-forwarded-port", "fly-forwarded-proto",
		"fly-forwarded-ssl", "do-connecting-ip", "cdn-src-ip", "ali-cdn-real-ip",
		"x-nf-client-connection-ip", "x-appengine-user-ip", "x-azure-clientip", "x-azure-socketip",
		"x-envoy-external-address", "x-rewrite-url", "x-host", "x-http-host-override",
		"x-scheme", "x-url-scheme", "front-end-https", "x-arr-ssl":
		return true
	}
	return false
}

// foldName writes name into buf in lower case with "_" and "." turned into "-", as gateways that
// hand fields on as environment variables do (Caddy GHSA-f59h-q822-g45g, CVE-2025-64484).
func foldName(buf []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_', c == '.':
			c = '-'
		}
		buf = append(buf, c)
	}
	return buf
}

// IsForwarded reports whether h holds any sign of a proxy: a forwarding field of any kind, in any
// spelling, believed or not, or Via (RFC 9110 section 7.6.3). A request without one came straight
// from the client, or from a proxy that hides itself.
func IsForwarded(h http.Header) bool {
	for name := range h {
		if name == "Via" || isForwardingName(name) {
			return true
		}
	}
	return false
}

// disbelieved returns the keys of h, sorted, that are forwarding fields which the resolver does
// not believe from this peer.
func (rs *Resolver) disbelieved(h http.Header, peerTrusted bool) []string {
	var names []string
	for name := range h {
		if name == rs.key || isForwardingName(name) {
			if !peerTrusted || !rs.believes(name) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// believes tells whether the exact key is one that the resolver reads from a trusted peer.
func (rs *Resolver) believes(key string) bool {
	switch key {
	case rs.key:
		return true
	case keyXForwardedProto:
		return rs.cfg.Header != Forwarded
	case keyXForwardedHost:
		return rs.cfg.ForwardedHost && rs.cfg.Header != Forwarded
	case keyXRealIP:
		return rs.cfg.CheckRealIP
	case keyXForwardedFor:
		return rs.cfg.CheckRealIP && rs.cfg.Header == XRealIP
	}
	return false
}
