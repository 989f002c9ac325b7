package proxyhdr

import (
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"slices"
)

// Client is who sent a request, as far as the trusted proxies say.
type Client struct {
	// Addr is the client's address: unmapped (never ::ffff:a.b.c.d) and without a zone, so that
	// equal clients compare equal.
	Addr netip.Addr
	// Peer is the address at the other end of the TCP connection, in the same form. It is the
	// zero Addr for a peer on a Unix domain socket.
	Peer netip.Addr
	// PeerTrusted tells whether the peer is one of Config.Trusted, or on a Unix domain socket with
	// TrustUnix. Whoever wants to believe any other field that a proxy sets (a user name, say)
	// must look here first: Addr alone does not tell, since a peer that is no proxy has an Addr
	// too.
	PeerTrusted bool
	// FromHeader tells whether Addr was read from the header; otherwise Addr is Peer.
	FromHeader bool
	// Forwarded tells whether the request came with any sign of a proxy, believed or not, before
	// Wrap removed what is not believed. Only Wrap sets it, because looking costs more than all
	// the rest: without Wrap, ask IsForwarded.
	Forwarded bool
	// Scheme is "https" or "http": what a trusted peer says, else what this connection is.
	Scheme string
	// Host is the request's Host, or with Config.ForwardedHost what a trusted peer says. It is as
	// trustworthy as the list of names that the application compares it with.
	Host string
	// Hops are the addresses that were read from the header, the nearest first and Addr last.
	Hops []netip.Addr
}

// Resolver finds out who the client of a request is. It is immutable: all methods may be called
// concurrently.
type Resolver struct {
	cfg     Config
	key     string // of the one field that is read
	maxHops int
	trusted prefixSet
	log     *slog.Logger
}

// New returns a Resolver, or what Config.Validate says. It copies what it needs of cfg, and logs its
// Warnings.
func New(cfg Config) (*Resolver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg.Trusted = slices.Clone(cfg.Trusted)
	trusted, err := newPrefixSet(cfg.Trusted)
	if err != nil {
		return nil, err
	}
	rs := &Resolver{cfg: cfg, key: cfg.headerKey(), trusted: trusted, maxHops: cfg.MaxHops, log: cfg.Logger}
	switch {
	case rs.maxHops == 0:
		rs.maxHops = DefaultMaxHops
	case rs.maxHops < 0:
		rs.maxHops = math.MaxInt
	}
	if rs.log == nil {
		rs.log = slog.Default()
	}
	for _, w := range cfg.Warnings() {
		rs.log.Warn("proxyhdr: " + w)
	}
	return rs, nil
}

// Resolve finds the client of r, which it does not change. An error is an *Error; the request
// must then be refused, since every address that could stand in for the missing one belongs to a
// proxy, and those are what allowlists tend to admit. The Client that comes with an error holds
// Peer and PeerTrusted.
//
// The cost does not depend on the length of the header but on the number of hops that must be
// read. Resolve is small enough to be inlined, so that the array behind Client.Hops lies in the
// caller's frame and nothing is allocated; it moves to the heap if the caller lets the Client
// or a part of it escape, by passing it to fmt for instance.
func (rs *Resolver) Resolve(r *http.Request) (Client, error) {
	var hops [DefaultMaxHops]netip.Addr
	return rs.resolveInto(r, hops[:0])
}

// resolveInto is the part of Resolve that is not inlined; inlining it would make Resolve too large
// for it.
//
//go:noinline
func (rs *Resolver) resolveInto(r *http.Request, hops []netip.Addr) (c Client, err error) {
	c.Hops, err = rs.resolve(&c, r, hops, nil)
	return c, err
}

// ClientIP is Resolve for those who need only the address. It allocates nothing, whatever becomes
// of the result.
func (rs *Resolver) ClientIP(r *http.Request) (netip.Addr, error) {
	var hops [DefaultMaxHops]netip.Addr
	var c Client
	_, err := rs.resolve(&c, r, hops[:0], nil)
	return c.Addr, err
}

// resolve fills in c, which is zero, appends the hops it reads to hops, and tells ex, if not nil,
// what it does. It returns the hops apart from the Client, so that a Client without them does not
// keep the array alive.
func (rs *Resolver) resolve(c *Client, r *http.Request, hops []netip.Addr, ex *Explanation) ([]netip.Addr, error) {
	c.Scheme, c.Host = connScheme(r), r.Host
	peer, unix, err := parsePeer(r.RemoteAddr)
	if err != nil || (unix && !rs.cfg.TrustUnix) {
		return nil, &Error{Reason: ErrPeer, Value: capped(r.RemoteAddr)}
	}
	c.Peer = peer
	c.PeerTrusted = unix || rs.trusted.contains(peer)
	if !c.PeerTrusted {
		c.Addr = peer
		return nil, nil
	}
	var near element
	if rs.cfg.Header == XRealIP || rs.cfg.Header == Named {
		hops, err = rs.readSingle(r.Header, hops, ex)
	} else {
		hops, err = rs.walk(r.Header[rs.key], hops, &near, ex)
	}
	if err != nil {
		return nil, err
	}
	first, last := peer, peer
	if len(hops) > 0 {
		first, last = hops[0], hops[len(hops)-1]
	}
	if rs.cfg.CheckRealIP {
		if err := rs.checkRealIP(first, r.Header); err != nil {
			return nil, err
		}
	}
	if !last.IsValid() {
		return nil, &Error{Reason: ErrNoAddress, Header: rs.headerName()}
	}
	c.Addr, c.FromHeader = last, len(hops) > 0
	rs.believeScheme(c, &near, r.Header)
	return hops, nil
}

// headerName is the name of the field that is read, for people.
func (rs *Resolver) headerName() string {
	if rs.cfg.Header == Named {
		return rs.cfg.HeaderName
	}
	return rs.cfg.Header.String()
}
