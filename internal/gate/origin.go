package gate

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// parseOrigin reads a serialized origin (RFC 6454 section 6.2): a scheme, a
// host and a port that is not the scheme's default. Anything else, "null" and
// opaque origins included, is an error.
func parseOrigin(s string) (origin, host string, err error) {
	if s == "" || s == "null" || len(s) > 300 {
		return "", "", errors.New("not an http or https origin")
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", "", errors.New("not a URL")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return "", "", errors.New("the scheme must be http or https")
	case u.User != nil, u.Path != "", u.RawQuery != "", u.ForceQuery, u.Fragment != "", u.Opaque != "",
		strings.ContainsAny(s, "#?@\\"):
		return "", "", errors.New("an origin is scheme://host[:port] and nothing else")
	}
	name, port, err := splitHost(u.Host)
	if err != nil {
		return "", "", err
	}
	if (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		port = ""
	}
	return u.Scheme + "://" + joinHost(name, port), name, nil
}

// splitHost takes a Host header or a URL's authority apart. The name comes
// back in lower case, an IPv6 literal without its brackets.
func splitHost(s string) (name, port string, err error) {
	name = s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		name, port = s[:i], s[i+1:]
		if !validPort(port) {
			return "", "", errors.New("bad port")
		}
	}
	if strings.HasPrefix(name, "[") {
		if !strings.HasSuffix(name, "]") {
			return "", "", errors.New("bad IPv6 literal")
		}
		a, err := netip.ParseAddr(name[1 : len(name)-1])
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", "", errors.New("bad IPv6 literal")
		}
		return a.String(), port, nil
	}
	if name == "" || len(name) > 253 {
		return "", "", errors.New("bad host name")
	}
	for i := range len(name) {
		c := name[i]
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'
		if !ok {
			return "", "", errors.New("bad host name")
		}
	}
	return strings.ToLower(name), port, nil
}

func validPort(s string) bool {
	if s == "" || len(s) > 5 {
		return false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n > 0 && n < 1<<16
}

func joinHost(name, port string) string {
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	if port == "" {
		return name
	}
	return name + ":" + port
}

// loopbackName reports whether a host name can only mean this machine:
// "localhost" and the loopback literals. A name below .localhost is not
// counted, since resolvers disagree about it.
func loopbackName(name string) bool {
	if name == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(name)
	return err == nil && a.Unmap().IsLoopback()
}

// loopbackPeer reports whether a request's RemoteAddr is a loopback address.
// A unix peer ("@" or empty) is not: who it is, is for the proxy to say.
func loopbackPeer(remote string) bool {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return false
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// ValidateOrigins reports every entry that is no origin, naming it by its
// index in field.
func ValidateOrigins(field string, origins []string) error {
	var errs []error
	for i, o := range origins {
		if _, _, err := parseOrigin(o); err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %q: %w", field, i, o, err))
		}
	}
	return errors.Join(errs...)
}
