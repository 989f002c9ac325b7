package proxyhdr_test

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/pruvon/pruvon/proxyhdr"
)

// The reference is slow and says nothing but the rule: put all elements into one slice, go over it
// backwards. It shares no code with the package.

// refusedByReference is the reference's answer when there is no client address.
var refusedByReference netip.Addr

func referenceTrusts(trusted []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// referenceClient answers for a valid TCP peer; trusted is canonical.
func referenceClient(cfg proxyhdr.Config, r *http.Request) (client netip.Addr, elements int) {
	peer := netip.MustParseAddrPort(r.RemoteAddr).Addr().Unmap().WithZone("")
	if !referenceTrusts(cfg.Trusted, peer) {
		return peer, 0
	}
	var texts []string
	var parse func(string) (netip.Addr, bool)
	switch cfg.Header {
	case proxyhdr.XForwardedFor:
		texts, parse = strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ","), referenceHop
	case proxyhdr.Forwarded:
		for _, line := range r.Header.Values("Forwarded") {
			texts = append(texts, referenceSplitQuoted(line)...)
		}
		parse = referenceForwardedNode
	}
	for i := range texts {
		texts[i] = strings.Trim(texts[i], " \t")
	}
	texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" })
	client = peer
	for n, text := range slices.Backward(texts) {
		if len(texts)-n > proxyhdr.DefaultMaxHops {
			return refusedByReference, len(texts)
		}
		addr, ok := parse(text)
		if !ok {
			return refusedByReference, len(texts)
		}
		client = addr
		if !referenceTrusts(cfg.Trusted, addr) {
			break
		}
	}
	return client, len(texts)
}

var (
	ipv4WithPort = regexp.MustCompile(`^([0-9.]+):([0-9]{1,5})$`)
	bracketed    = regexp.MustCompile(`^\[([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\](?::([0-9]{1,5}))?$`)
	portZero     = regexp.MustCompile(`^0*$`)
)

func referenceHop(s string) (netip.Addr, bool) {
	host, port := s, "1"
	if m := ipv4WithPort.FindStringSubmatch(s); m != nil {
		host, port = m[1], m[2]
	} else if m := bracketed.FindStringSubmatch(s); m != nil {
		host = m[1]
		if m[2] != "" {
			port = m[2]
		}
	}
	if portZero.MatchString(port) || len(strings.TrimLeft(port, "0")) == 5 && strings.TrimLeft(port, "0") > "65535" {
		return netip.Addr{}, false
	}
	return referenceAddr(host)
}

func referenceAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" || addr.Unmap().IsUnspecified() {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// referenceSplitQuoted splits a line of Forwarded from left to right, which is right for
// well-formed lines. A line that is not is one element, so that nothing in it is believed.
func referenceSplitQuoted(line string) []string {
	if !wellFormedForwarded.MatchString(line) {
		return []string{line + "\x00"}
	}
	return forwardedElement.FindAllString(line, -1)
}

const (
	token         = "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
	quotedString  = `"(?:[\t \x21\x23-\x5b\x5d-\x7e\x{80}-\x{10ffff}]|\\[\t \x21-\x7e\x{80}-\x{10ffff}])*"`
	forwardedPair = token + `=(?:` + token + `|` + quotedString + `)`
	elementRE     = `(?:` + forwardedPair + `)?(?:;(?:` + forwardedPair + `)?)*`
)

var (
	wellFormedForwarded = regexp.MustCompile(`^[ \t]*(?:` + elementRE + `)[ \t]*(?:,[ \t]*(?:` + elementRE + `)[ \t]*)*$`)
	forwardedElement    = regexp.MustCompile(`(?:;|` + forwardedPair + `)+`)
	onePair             = regexp.MustCompile(`(` + token + `)=(?:(` + token + `)|(` + quotedString + `))`)
	quotedPair          = regexp.MustCompile(`(?s)\\(.)`)
	node                = regexp.MustCompile(`^(?:([0-9.]+)|\[([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\])(?::(?:[0-9]{1,5}|_[0-9A-Za-z._-]+))?$`)
)

func referenceForwardedNode(element string) (netip.Addr, bool) {
	seen := map[string]string{}
	for _, m := range onePair.FindAllStringSubmatch(element, -1) {
		name := strings.ToLower(m[1])
		if _, twice := seen[name]; twice {
			return netip.Addr{}, false
		}
		seen[name] = m[2]
		if m[3] != "" {
			seen[name] = quotedPair.ReplaceAllString(m[3][1:len(m[3])-1], "$1")
		}
	}
	m := node.FindStringSubmatch(seen["for"])
	if m == nil || strings.HasSuffix(element, "\x00") {
		return netip.Addr{}, false
	}
	if m[1] != "" && strings.Contains(m[1], ".") {
		return referenceAddr(m[1])
	}
	return referenceAddr(m[2])
}
