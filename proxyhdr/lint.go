package proxyhdr

import (
	"fmt"
	"net/netip"
)

// Warnings tells what in c cannot be right, or can be only in unusual places, one sentence each.
// c must pass Validate. clients are the prefixes that clients come from, if the caller knows: the
// rules of an allowlist, say.
//
// A prefix that is trusted without need is not a matter of taste. Whoever sends from inside it
// chooses the address that they are taken for.
func (c Config) Warnings(clients ...netip.Prefix) []string {
	var out []string
	warn := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }

	canonical := make([]netip.Prefix, len(c.Trusted))
	for i, p := range c.Trusted {
		canonical[i], _ = canonicalPrefix(p) // Validate reports the error
	}
	for i, p := range canonical {
		if !p.IsValid() {
			continue
		}
		if p.Bits() == 0 {
			warn("Trusted: %s trusts everybody: any client is who it says it is", p)
			continue
		}
		if written := c.Trusted[i]; written.Addr().Unmap() != p.Addr() {
			warn("Trusted: %s has host bits set and means %s", written, p)
		}
		for j, q := range canonical[:i] {
			switch {
			case q == p:
				warn("Trusted: %s stands at %d and again at %d", p, j, i)
			case q.IsValid() && q.Overlaps(p) && q.Bits() > 0:
				warn("Trusted: %s and %s overlap; one is superfluous", q, p)
			}
		}
		if what := unlikelyProxies(p); what != "" {
			warn("Trusted: %s %s", p, what)
		}
		for _, client := range clients {
			if client, err := canonicalPrefix(client); err == nil && client.Bits() > 0 && client.Overlaps(p) {
				warn("Trusted: %s overlaps with %s, where clients come from: such a client chooses its own address", p, client)
			}
		}
	}
	if len(c.Trusted) == 0 && !c.TrustUnix {
		for _, unused := range []struct {
			set  bool
			what string
		}{
			{c.Header != XForwardedFor, "Header"},
			{c.ForwardedHost, "ForwardedHost"},
			{c.CheckRealIP, "CheckRealIP"},
		} {
			if unused.set {
				warn("%s: has no effect, since neither Trusted nor TrustUnix names a proxy", unused.what)
			}
		}
	}
	if c.Header == Forwarded && c.CheckRealIP {
		warn("CheckRealIP: few proxies write both Forwarded and X-Real-IP; one that passes a client's X-Real-IP through would refuse that client")
	}
	return out
}

// unlikelyProxies tells why no proxy can be reached at, or so many cannot be, the addresses in p.
func unlikelyProxies(p netip.Prefix) string {
	addr := p.Addr()
	switch {
	case addr.IsMulticast():
		return "is multicast: no connection comes from there"
	case addr.IsUnspecified() && p.IsSingleIP():
		return "is the unspecified address: no connection comes from there"
	}
	// Whole ranges of private networks hold clients as well as proxies.
	for _, private := range []string{
		"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10",
	} {
		if q := netip.MustParsePrefix(private); q.Bits() >= p.Bits() && p.Overlaps(q) {
			return "takes in all of " + private + ", where clients are as likely as proxies; list the proxies' own addresses"
		}
	}
	if addr.Is4() && p.Bits() < 8 || addr.Is6() && p.Bits() < 16 {
		return "is wider than any network of proxies"
	}
	return ""
}
