package proxyhdr

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Loopback returns 127.0.0.1/32 and ::1/128: the two addresses that a proxy on the same host
// connects from. The rest of 127.0.0.0/8 is left out, since nothing needs it.
func Loopback() []netip.Prefix {
	return []netip.Prefix{
		netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 32),
		netip.PrefixFrom(netip.IPv6Loopback(), 128),
	}
}

// ParsePrefixes reads addresses and CIDR prefixes, for Config.Trusted. An address alone is a host
// route. A prefix in IPv4-mapped form is returned as the IPv4 prefix; host bits are kept as
// written, so that Config.Warnings can point at them. All faults are joined, each quoting its
// argument.
func ParsePrefixes(texts ...string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, 0, len(texts))
	var faults []error
	for _, text := range texts {
		p, err := parsePrefix(text)
		if err != nil {
			faults = append(faults, fmt.Errorf("proxyhdr: %q: %w", capped(text), err))
			continue
		}
		prefixes = append(prefixes, p)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return prefixes, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if text == "unix:" {
		return netip.Prefix{}, errors.New("is not an address; set TrustUnix instead")
	}
	if strings.IndexByte(text, '/') < 0 {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return netip.Prefix{}, errors.New("is neither an address nor a CIDR prefix")
		}
		if addr.Zone() != "" {
			return netip.Prefix{}, errors.New("has a zone, which means nothing in a list")
		}
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return netip.Prefix{}, errors.New("is neither an address nor a CIDR prefix")
	}
	return unmapPrefix(p)
}

// unmapPrefix turns ::ffff:a.b.c.d/96+n into a.b.c.d/n and leaves other prefixes alone.
func unmapPrefix(p netip.Prefix) (netip.Prefix, error) {
	if !p.Addr().Is4In6() {
		return p, nil
	}
	if p.Bits() < 96 {
		return netip.Prefix{}, errors.New("is IPv4-mapped with a mask shorter than /96; write the IPv4 prefix")
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96), nil
}

// canonicalPrefix returns p unmapped and without host bits.
func canonicalPrefix(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return netip.Prefix{}, errors.New("is not a valid prefix")
	}
	p, err := unmapPrefix(p)
	if err != nil {
		return netip.Prefix{}, err
	}
	return p.Masked(), nil
}

// prefixSet tells whether an address lies in one of a few prefixes. Lists of proxies are short,
// and a scan of plain words is faster than a tree until far beyond their usual length.
type prefixSet struct {
	v4 []prefix4
	v6 []netip.Prefix
}

type prefix4 struct{ addr, mask uint32 }

// newPrefixSet takes prefixes that canonicalPrefix accepts.
func newPrefixSet(prefixes []netip.Prefix) (prefixSet, error) {
	var s prefixSet
	for _, p := range prefixes {
		p, err := canonicalPrefix(p)
		if err != nil {
			return prefixSet{}, err
		}
		if p.Addr().Is4() {
			mask := ^uint32(0) << (32 - p.Bits()) // a shift by 32 gives 0 in Go
			s.v4 = append(s.v4, prefix4{word4(p.Addr()), mask})
		} else {
			s.v6 = append(s.v6, p)
		}
	}
	return s, nil
}

// contains takes an address that is unmapped and has no zone.
func (s *prefixSet) contains(addr netip.Addr) bool {
	if addr.Is4() {
		w := word4(addr)
		for i := range s.v4 {
			if w&s.v4[i].mask == s.v4[i].addr {
				return true
			}
		}
		return false
	}
	for i := range s.v6 {
		if s.v6[i].Contains(addr) {
			return true
		}
	}
	return false
}

func word4(addr netip.Addr) uint32 {
	b := addr.As4()
	return binary.BigEndian.Uint32(b[:])
}
