package proxyhdr

import (
	"errors"
	"net/http"
	"net/netip"
)

// Explanation says how the client of a request was found, for a page or a command that answers
// "who am I to this server, and why". It holds text that the client sent, cut to 64 bytes and
// otherwise as it came: encode or quote it.
type Explanation struct {
	// Addr, Peer, PeerTrusted, FromHeader, Forwarded, Scheme and Host are those of Client.
	Addr        netip.Addr `json:"addr,omitzero"`
	Peer        netip.Addr `json:"peer,omitzero"`
	PeerTrusted bool       `json:"peer_trusted"`
	FromHeader  bool       `json:"from_header"`
	Forwarded   bool       `json:"forwarded"`
	Scheme      string     `json:"scheme"`
	Host        string     `json:"host"`
	// Header is the one field that is read from a trusted peer.
	Header string `json:"header"`
	// Hops are the elements that were read, the nearest first.
	Hops []Hop `json:"hops"`
	// Ignored are the forwarding fields that came with the request and are not believed.
	Ignored []string `json:"ignored"`
	// Reason is one of the Reason constants.
	Reason Reason `json:"reason"`
	// Error is what Resolve says, "" if it finds a client.
	Error string `json:"error,omitempty"`
}

// Hop is one element that the walk read.
type Hop struct {
	// Text is the element, Addr the address in it, if there is one.
	Text string     `json:"text"`
	Addr netip.Addr `json:"addr,omitzero"`
	// Trusted tells whether Addr is a trusted proxy's.
	Trusted bool `json:"trusted"`
	// Decision is "skipped" for a proxy, "client", or "refused".
	Decision string `json:"decision"`
}

// Reason says why the answer is what it is.
type Reason string

// The reasons, a closed set.
const (
	ReasonDirect     Reason = "direct"       // the peer is not trusted, so it is the client
	ReasonNoHeader   Reason = "no-header"    // the peer is trusted but sent no element
	ReasonWalked     Reason = "walked"       // the first address that is not a proxy's
	ReasonAllTrusted Reason = "all-trusted"  // every address is a proxy's; the leftmost
	ReasonSingle     Reason = "single"       // the field holds one address
	ReasonPeer       Reason = "peer-unknown" // ErrPeer
	ReasonMalformed  Reason = "malformed"    // ErrMalformed
	ReasonNoAddress  Reason = "no-address"   // ErrNoAddress
	ReasonTooLong    Reason = "too-long"     // ErrTooLong
	ReasonConflict   Reason = "conflict"     // ErrConflict
)

// Explain resolves r and says how. Behind Wrap it explains the request as it arrived, with the
// headers that Wrap has removed since.
func (rs *Resolver) Explain(r *http.Request) Explanation {
	if s, ok := r.Context().Value(contextKey{}).(*seen); ok {
		r = s.original
	}
	ex := Explanation{Header: rs.headerName(), Hops: []Hop{}, Forwarded: IsForwarded(r.Header)}
	var c Client
	_, err := rs.resolve(&c, r, nil, &ex)
	ex.Addr, ex.Peer, ex.PeerTrusted, ex.FromHeader = c.Addr, c.Peer, c.PeerTrusted, c.FromHeader
	ex.Scheme, ex.Host = c.Scheme, c.Host
	ex.Ignored = append([]string{}, rs.disbelieved(r.Header, c.PeerTrusted)...)
	ex.Reason = reasonOf(rs.cfg.Header, &ex, err)
	if err != nil {
		ex.Error = err.Error()
	} else if n := len(ex.Hops); n > 0 {
		ex.Hops[n-1].Decision = "client"
	}
	return ex
}

func reasonOf(h Header, ex *Explanation, err error) Reason {
	switch {
	case errors.Is(err, ErrPeer):
		return ReasonPeer
	case errors.Is(err, ErrMalformed):
		return ReasonMalformed
	case errors.Is(err, ErrNoAddress):
		return ReasonNoAddress
	case errors.Is(err, ErrTooLong):
		return ReasonTooLong
	case errors.Is(err, ErrConflict):
		return ReasonConflict
	case !ex.PeerTrusted:
		return ReasonDirect
	case !ex.FromHeader:
		return ReasonNoHeader
	case h == XRealIP || h == Named:
		return ReasonSingle
	case ex.Hops[len(ex.Hops)-1].Trusted:
		return ReasonAllTrusted
	}
	return ReasonWalked
}

// hop records an element; ex may be nil.
func (ex *Explanation) hop(text string, addr netip.Addr, trusted bool) {
	if ex != nil {
		ex.Hops = append(ex.Hops, Hop{Text: capped(text), Addr: addr, Trusted: trusted, Decision: "skipped"})
	}
}

// broken records an element that ended the walk; ex may be nil.
func (ex *Explanation) broken(text string) {
	if ex != nil {
		ex.Hops = append(ex.Hops, Hop{Text: capped(text), Decision: "refused"})
	}
}
