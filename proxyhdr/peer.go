package proxyhdr

import (
	"net/netip"
	"strings"
)

// parsePeer reads the RemoteAddr of a request. It is "address:port" for TCP. For a Unix domain
// socket net/http shows the name that the peer's end is bound to, if it has one: "@", "@name" or
// a path, and "" from some listeners.
func parsePeer(remote string) (addr netip.Addr, unix bool, err error) {
	if remote == "" || remote[0] == '@' || remote[0] == '/' {
		return netip.Addr{}, true, nil
	}
	if i := strings.IndexByte(remote, ':'); i > 0 {
		if addr, ok := parseIPv4(remote[:i]); ok && isPort(remote[i:]) {
			return checkPeer(addr)
		}
	}
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return checkPeer(ap.Addr())
	}
	// Some middleware leaves the port out.
	a, err := netip.ParseAddr(remote)
	if err != nil {
		return netip.Addr{}, false, err
	}
	return checkPeer(a)
}

// checkPeer unmaps addr and removes its zone, which names the interface of a link-local peer and
// would keep it from matching a prefix.
func checkPeer(addr netip.Addr) (netip.Addr, bool, error) {
	addr = addr.Unmap().WithZone("")
	if addr.IsUnspecified() {
		return netip.Addr{}, false, ErrMalformed
	}
	return addr, false, nil
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
