// Package proxyhdr finds out who the client of an HTTP request is: the address, the scheme and the
// host, behind proxies that say so in header fields, and against clients that write the same
// fields themselves.
//
//	rs, err := proxyhdr.New(proxyhdr.Nginx())
//	…
//	http.ListenAndServe("127.0.0.1:8080", rs.Wrap(mux))
//	…
//	client, _ := proxyhdr.FromContext(r.Context())
//
// # Threat model
//
// Whoever decides by address (an allowlist, a rate limit, an audit trail) decides by what this
// package says, so the attacker is anybody who can send a request and gains by having another
// address. They control every byte of every field of their request, and how often a field is
// repeated. They do not control the TCP connection's far end, and not what a proxy of ours adds.
//
//   - Nothing is believed of a request whose TCP peer is not in Config.Trusted. Reading a field
//     without that check is what made chi's RealIP (GHSA-3fxj-6jh8-hvhx) and gin's first default
//     (CVE-2020-28483) vulnerable.
//   - Trust is per field, not per peer. nginx passes Forwarded, X-Forwarded-Host, True-Client-IP
//     and the like from a client unchanged. So one configured field is read, there is no second
//     choice, and Wrap removes the others, under any spelling.
//   - A list is read from the right, where the nearest proxy wrote, and only as far as the first
//     address that is not a proxy's. What stands left of it is the client's own text and is never
//     looked at: it can neither be believed nor break anything.
//   - What must be read and cannot be is an error, not a reason to fall back. The address that a
//     fallback finds is a proxy's, often 127.0.0.1, which is what allowlists tend to admit.
//   - Addresses are strict (no leading zeros, no zones, no Unicode digits or spaces) and come out
//     in one form, so that a mapped IPv4 address and the IPv4 address are the same client.
//   - The cost follows from the number of hops, not from the header's length.
//
// What it cannot see: a trusted prefix that clients are in as well (Config.Warnings finds some), a
// proxy that passes the configured field through, and local processes, which connect from
// 127.0.0.1 as nginx does. On a host with other users, let the proxy connect over a Unix domain
// socket, set TrustUnix, and keep the socket to the proxy's group.
//
// # How a client is found
//
//	peer has no address, or is on an untrusted Unix socket   error (ErrPeer)
//	peer is not trusted                                      the peer
//	peer is trusted, the field is absent or has no element   the peer
//	the first element from the right that is not trusted     that address
//	all elements are trusted                                 the leftmost
//	an element on the way is malformed or names no address   error (ErrMalformed, ErrNoAddress)
//	more elements than MaxHops                               error (ErrTooLong)
//	X-Real-IP contradicts the nearest element                error (ErrConflict), with CheckRealIP
//
// # Concurrency
//
// A Resolver is immutable and may be used by any number of goroutines. It starts none.
package proxyhdr
