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
