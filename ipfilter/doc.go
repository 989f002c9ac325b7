// Package ipfilter decides whether an address may come in, by the list that nginx uses: the same
// file, the same syntax, the same first match.
//
//	filter, err := ipfilter.New(ipfilter.Config{
//		File:     "/etc/pruvon/allowlist.conf", // nginx: include /etc/pruvon/allowlist.conf;
//		ClientIP: resolver.ClientIP,            // package proxyhdr
//	})
//	…
//	mux.Handle("/ops/", filter.Wrap(ops))
//	…
//	err = filter.Shutdown(ctx)
//
// A list looks like this. The name behind "#" goes to the log and the audit trail; until= ends the
// rule.
//
//	allow 100.64.12.0/24;   # VPN
//	allow 10.20.30.0/24;    # office
//	allow 203.0.113.10;     # ann until=2026-12-31T00:00Z
//	deny all;
//
// # Why a second lock
//
// nginx decides by the same list already. The second lock holds when nginx's is open: a server
// block without the include, a typing error in another block, a request that reaches the service
// around nginx. It is a lock on addresses, not on people: everybody in the office has the office's
// address. It does not replace authentication.
//
// # Threat model
//
// The attacker is anybody whose address is not on the list, and gains by being taken for somebody
// whose is. So:
//
//   - The address comes from Config.ClientIP, which must not believe the client; without it the
//     TCP peer counts, which behind a proxy is the proxy. If there is no address, the request is
//     denied, whatever the list says.
//   - An address has one form: IPv4-mapped addresses are unmapped, zones removed. A rule for an
//     IPv4 prefix holds for both forms, and no rule can be escaped by writing an address in
//     another way.
//   - In doubt nobody gets in. An empty list denies everybody, and so does, for whom no rule
//     matches, a list that allows anybody; nginx admits in both cases. A file that cannot be read
//     or parsed changes nothing: the old rules stay, the log names file and line, and
//     pruvon_ipfilter_reload_errors_total counts. At the start it is an error.
//   - What can be read in two ways is refused: numbers with leading zeros, zones, an until= that is
//     no time.
//   - The client learns that it was denied, not by which rule: the list is a map of the network.
//
// An expiry is known only here. nginx goes on applying the rule, and Lint points at it.
//
// # Speed
//
// A list is compiled into one longest-prefix table, in which each prefix knows the first rule of
// the list that covers it. Deciding costs some tens of nanoseconds and no allocation, with ten
// rules or a hundred thousand, and is exactly what going over the list would find. New rules are
// compiled aside and exchanged at once; readers never wait.
//
// # Concurrency
//
// All methods of a Filter may be called concurrently. New starts one goroutine if there is a File
// to watch; Shutdown ends it and waits for it.
package ipfilter
