package proxyhdr

import (
	"encoding/binary"
	"net/netip"
	"strings"
)

// parseHop reads one element of X-Forwarded-For, or the value of X-Real-IP: an address, and what
// proxies in use write besides it, namely a port (IIS ARR, Azure Application Gateway), and
// brackets around IPv6. The address comes back unmapped.
func parseHop(s string) (netip.Addr, error) {
	if addr, ok := parseIPv4(s); ok {
		return usable(addr)
	}
	if s == "" {
		return netip.Addr{}, ErrMalformed
	}
	if s[0] == '[' {
		addr, rest, ok := parseBracketed(s)
		if !ok || (rest != "" && !isPort(rest)) {
			return netip.Addr{}, ErrMalformed
		}
		return usable(addr)
	}
	first := strings.IndexByte(s, ':')
	if first < 0 {
		if isPlaceholder(s) {
			return netip.Addr{}, ErrNoAddress
		}
		return netip.Addr{}, ErrMalformed
	}
	if strings.IndexByte(s[first+1:], ':') < 0 {
		if s == "unix:" {
			return netip.Addr{}, ErrNoAddress
		}
		addr, ok := parseIPv4(s[:first])
		if !ok || !isPort(s[first:]) {
			return netip.Addr{}, ErrMalformed
		}
		return usable(addr)
	}
	addr, ok := parseIPv6(s)
	if !ok {
		return netip.Addr{}, ErrMalformed
	}
	return usable(addr)
}

// parseNode reads a node of RFC 7239 section 6:
//
//	node     = nodename [ ":" node-port ]
//	nodename = IPv4address / "[" IPv6address "]" / "unknown" / obfnode
//	node-port = port / obfport
func parseNode(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, ErrMalformed
	}
	if s[0] == '[' {
		addr, rest, ok := parseBracketed(s)
		if !ok || (rest != "" && !isNodePort(rest)) {
			return netip.Addr{}, ErrMalformed
		}
		return usable(addr)
	}
	name, port := s, ""
	if i := strings.IndexByte(s, ':'); i >= 0 {
		name, port = s[:i], s[i:]
		if !isNodePort(port) {
			return netip.Addr{}, ErrMalformed
		}
	}
	if addr, ok := parseIPv4(name); ok {
		return usable(addr)
	}
	if isObfuscated(name) || strings.EqualFold(name, "unknown") {
		return netip.Addr{}, ErrNoAddress
	}
	return netip.Addr{}, ErrMalformed
}

// usable unmaps addr and refuses the unspecified address, which no connection comes from.
func usable(addr netip.Addr) (netip.Addr, error) {
	addr = addr.Unmap()
	if addr.IsUnspecified() {
		return netip.Addr{}, ErrMalformed
	}
	return addr, nil
}

// parseBracketed reads "[" IPv6address "]" and returns what follows.
func parseBracketed(s string) (addr netip.Addr, rest string, ok bool) {
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return netip.Addr{}, "", false
	}
	addr, ok = parseIPv6(s[1:end])
	return addr, s[end+1:], ok
}

// parseIPv6 refuses zones: they mean something only on the host that wrote them, and an address
// with one would slip past a comparison with prefixes.
func parseIPv6(s string) (netip.Addr, bool) {
	if strings.IndexByte(s, ':') < 0 || strings.IndexByte(s, '%') >= 0 {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(s)
	return addr, err == nil
}

// parseIPv4 reads a dotted quad in the strict form of RFC 3986 section 3.2.2: four decimal
// numbers without leading zeros, which some readers take for octal (CVE-2021-29923).
func parseIPv4(s string) (netip.Addr, bool) {
	if len(s) < len("0.0.0.0") || len(s) > len("255.255.255.255") {
		return netip.Addr{}, false
	}
	var quad, value uint32
	dots, digits := 0, 0
	for i := range len(s) {
		if d := s[i] - '0'; d <= 9 {
			value = value*10 + uint32(d)
			digits++
			continue
		}
		if s[i] != '.' || !isOctet(value, digits) {
			return netip.Addr{}, false
		}
		quad = quad<<8 | value
		value, digits = 0, 0
		dots++
	}
	if dots != 3 || !isOctet(value, digits) {
		return netip.Addr{}, false
	}
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], quad<<8|value)
	return netip.AddrFrom4(b), true
}

// isOctet tells whether so many digits with that value are a number from 0 to 255 without leading
// zeros. The value may have overflowed if there are more than three digits.
func isOctet(value uint32, digits int) bool {
	switch digits {
	case 1:
		return true
	case 2:
		return value >= 10
	case 3:
		return value >= 100 && value <= 255
	}
	return false
}

// isPort tells whether s is ":" and a port that a connection can come from, 1 to 65535.
func isPort(s string) bool {
	if len(s) < 2 || len(s) > 6 || s[0] != ':' {
		return false
	}
	n := 0
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n >= 1 && n <= 65535
}

// isNodePort tells whether s is ":" and a node-port of RFC 7239: one to five digits, or an
// obfuscated port.
func isNodePort(s string) bool {
	if len(s) < 2 || s[0] != ':' {
		return false
	}
	if s[1] == '_' {
		return isObfuscated(s[1:])
	}
	if len(s) > 6 {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// isObfuscated tells whether s is "_" 1*( ALPHA / DIGIT / "." / "_" / "-" ).
func isObfuscated(s string) bool {
	if len(s) < 2 || s[0] != '_' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; !isAlnum(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// isPlaceholder tells whether s is a word by which a proxy says that it does not know: Squid
// writes "unknown" into X-Forwarded-For.
func isPlaceholder(s string) bool {
	return strings.EqualFold(s, "unknown") || isObfuscated(s)
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
