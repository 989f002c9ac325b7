package proxyhdr

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
)

// Header names the one field that the client's address is read from. Exactly one is read and
// there is no fall-through to another: a second choice is what an attacker would fill in.
type Header int

const (
	// XForwardedFor is the X-Forwarded-For list, to which each proxy appends the address that
	// connected to it. It is the zero value.
	XForwardedFor Header = iota
	// Forwarded is the field of RFC 7239. Use it only behind a proxy that writes it: nginx, for
	// one, passes a client's own Forwarded through untouched.
	Forwarded
	// XRealIP is X-Real-IP: a single address that the proxy overwrites.
	XRealIP
	// Named is the field in Config.HeaderName, holding a single address like X-Real-IP. It is for
	// the fields of content delivery networks, such as CF-Connecting-IP.
	Named
)

// String returns the canonical field name, or "named header" for Named.
func (h Header) String() string {
	switch h {
	case XForwardedFor:
		return "X-Forwarded-For"
	case Forwarded:
		return "Forwarded"
	case XRealIP:
		return "X-Real-IP"
	case Named:
		return "named header"
	}
	return fmt.Sprintf("Header(%d)", int(h))
}

// DefaultMaxHops is the MaxHops of a Config that leaves it at zero.
const DefaultMaxHops = 16

// Config says whom to believe. The zero value believes nobody: the client is the TCP peer.
type Config struct {
	_ [0]func()

	// Trusted are the addresses of the proxies, and of nobody else: whoever is inside may say
	// that they are somebody else. Host bits are ignored, and a prefix in IPv4-mapped form means
	// the IPv4 prefix. Empty: no TCP peer is trusted. See Loopback and ParsePrefixes.
	Trusted []netip.Prefix

	// TrustUnix trusts peers on a Unix domain socket, which have no address: net/http shows them
	// with a RemoteAddr of "@", "" or a path. The socket's file mode then decides who may connect.
	// Default false.
	TrustUnix bool

	// Header is the field to read. Default XForwardedFor.
	Header Header

	// HeaderName is the field's name when Header is Named, else empty.
	HeaderName string

	// ForwardedHost believes X-Forwarded-Host (with Header Forwarded: the host parameter) of a
	// trusted peer. Default false, because nginx passes a client's X-Forwarded-Host through unless
	// its configuration sets the field.
	ForwardedHost bool

	// CheckRealIP refuses a request of a trusted peer whose X-Real-IP, if there is one, differs
	// from the hop nearest to us: the rightmost element of Header, or the peer when there is no
	// element. With Header XRealIP it is X-Forwarded-For that must agree. A proxy that sets both
	// never contradicts itself, so a contradiction means that the request came another way.
	// Default false; Nginx sets it.
	CheckRealIP bool

	// MaxHops is the largest number of elements that are read, the client's own included; a
	// request that needs more is refused. 0 = DefaultMaxHops, negative = off.
	MaxHops int

	// Logger gets, at level Warn, what Warnings finds and a line for each request that Wrap refuses.
	// nil = slog.Default().
	Logger *slog.Logger
}

// Nginx returns the configuration for an nginx on the same host that sets
//
//	proxy_set_header X-Real-IP $remote_addr;
//	proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
//	proxy_set_header X-Forwarded-Proto $scheme;
//
// and connects over loopback: 127.0.0.1 and ::1 are trusted, X-Forwarded-For is read, and
// X-Real-IP must agree with it.
func Nginx() Config {
	return Config{Trusted: Loopback(), CheckRealIP: true}
}

// Validate reports everything that is wrong with c, joined, each fault naming its field. It has
// no side effects. What is allowed but suspicious is the business of Warnings.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) {
		faults = append(faults, fmt.Errorf("proxyhdr: "+format, args...))
	}
	for i, p := range c.Trusted {
		if _, err := canonicalPrefix(p); err != nil {
			fault("Trusted[%d]: %w", i, err)
		}
	}
	switch c.Header {
	case XForwardedFor, Forwarded, XRealIP:
		if c.HeaderName != "" {
			fault("HeaderName: %q is set, but Header is %s and not Named", c.HeaderName, c.Header)
		}
	case Named:
		if err := checkHeaderName(c.HeaderName); err != nil {
			fault("HeaderName: %w", err)
		}
	default:
		fault("Header: unknown value %d", int(c.Header))
	}
	return errors.Join(faults...)
}

func checkHeaderName(name string) error {
	if name == "" {
		return errors.New("empty, but Header is Named")
	}
	for i := range len(name) {
		if c := name[i]; !isAlnum(c) && c != '-' {
			// Gateways that follow CGI, and some proxies, take "_" and "." for "-", so a client
			// could reach such a field through another spelling (CVE-2025-64484).
			return fmt.Errorf("%q: only letters, digits and \"-\" are allowed", name)
		}
	}
	switch folded := strings.ToLower(name); folded {
	case "x-forwarded-for", "forwarded", "x-real-ip":
		return fmt.Errorf("%q has its own Header value, use that", name)
	case "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "host":
		return fmt.Errorf("%q does not hold an address", name)
	}
	return nil
}

// headerKey is the key of the field in an http.Header.
func (c *Config) headerKey() string {
	switch c.Header {
	case Forwarded:
		return keyForwarded
	case XRealIP:
		return keyXRealIP
	case Named:
		return http.CanonicalHeaderKey(c.HeaderName)
	}
	return keyXForwardedFor
}
