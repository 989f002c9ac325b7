package proxyhdr

import (
	"net/http"
	"net/netip"
)

// walk reads a list field from the right until the first address that is not a proxy's. Nothing
// left of it is looked at. If all are proxies', the leftmost is the last hop.
func (rs *Resolver) walk(lines []string, hops []netip.Addr, near *element, ex *Explanation) ([]netip.Addr, error) {
	if len(lines) == 0 {
		return hops, nil
	}
	w := newListWalk(lines, rs.cfg.Header == Forwarded)
	for n := 1; ; n++ {
		text, err := w.next()
		if text == "" && err == nil {
			return hops, nil
		}
		var addr netip.Addr
		if err == nil {
			switch {
			case n > rs.maxHops:
				err = ErrTooLong
			case rs.cfg.Header == Forwarded:
				addr, err = parseForwarded(text, n, near)
			default:
				addr, err = parseHop(text)
			}
		}
		if err != nil {
			ex.broken(text)
			return nil, &Error{Reason: err, Header: rs.headerName(), Position: n, Value: capped(text)}
		}
		hops = append(hops, addr)
		trusted := rs.trusted.contains(addr)
		ex.hop(text, addr, trusted)
		if !trusted {
			return hops, nil
		}
	}
}

// parseForwarded reads the n-th element from the right; the nearest one's parameters go to near.
func parseForwarded(text string, n int, near *element) (netip.Addr, error) {
	e, err := parseElement(text)
	if err != nil {
		return netip.Addr{}, err
	}
	if n == 1 {
		*near = e
	}
	if !e.hasNode {
		return netip.Addr{}, ErrNoAddress
	}
	return parseNode(e.node)
}

// readSingle reads a field that holds one address.
func (rs *Resolver) readSingle(h http.Header, hops []netip.Addr, ex *Explanation) ([]netip.Addr, error) {
	addr, text, err := singleAddr(h[rs.key])
	if err != nil {
		ex.broken(text)
		return nil, &Error{Reason: err, Header: rs.headerName(), Position: 1, Value: capped(text)}
	}
	if addr.IsValid() {
		hops = append(hops, addr)
		ex.hop(text, addr, rs.trusted.contains(addr))
	}
	return hops, nil
}

// singleAddr reads the lines of a field that holds one address; the zero Addr if it is absent or
// empty. Several lines must agree: which of them the proxy wrote cannot be told (Fiber
// GHSA-gcfq-8gqf-4876 added a line where it should have replaced one).
func singleAddr(lines []string) (netip.Addr, string, error) {
	var addr netip.Addr
	var text string
	for i, line := range lines {
		if i > maxPadding {
			return netip.Addr{}, text, ErrTooLong
		}
		if line = trimBlank(line); line == "" {
			continue
		}
		if len(line) > maxHopBytes {
			return netip.Addr{}, line, ErrMalformed
		}
		a, err := parseHop(line)
		if err != nil {
			return netip.Addr{}, line, err
		}
		if addr.IsValid() && a != addr {
			return netip.Addr{}, line, ErrConflict
		}
		addr, text = a, line
	}
	return addr, text, nil
}

// trimBlank is strings.Trim for optional white space, bounded like the walk.
func trimBlank(s string) string {
	for n := 0; n < maxPadding && s != "" && isBlank(s[0]); n++ {
		s = s[1:]
	}
	for n := 0; n < maxPadding && s != "" && isBlank(s[len(s)-1]); n++ {
		s = s[:len(s)-1]
	}
	return s
}

// checkRealIP compares the nearest hop with what the other field says about it.
func (rs *Resolver) checkRealIP(near netip.Addr, h http.Header) error {
	var other netip.Addr
	var text string
	var err error
	header := "X-Real-IP"
	if rs.cfg.Header == XRealIP {
		header = "X-Forwarded-For"
		w := newListWalk(h[keyXForwardedFor], false)
		if text, err = w.next(); err == nil && text != "" {
			other, err = parseHop(text)
		}
	} else {
		other, text, err = singleAddr(h[keyXRealIP])
	}
	if err == nil && other.IsValid() && other != near {
		err = ErrConflict
	}
	if err != nil {
		return &Error{Reason: err, Header: header, Value: capped(text)}
	}
	return nil
}
