package ipfilter_test

import (
	"net/netip"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
)

// referenceDecide goes over the rules one by one, as nginx does. It shares no code with the
// package.
func referenceDecide(rules ipfilter.Rules, addr netip.Addr, now time.Time) (allowed bool, index int) {
	anyAllow := false
	index = -1
	for i, r := range rules {
		anyAllow = anyAllow || r.Allow
		if index < 0 && referenceMatches(r, addr) && (r.Until.IsZero() || now.Before(r.Until)) {
			index, allowed = i, r.Allow
		}
	}
	if index < 0 {
		allowed = len(rules) > 0 && !anyAllow
	}
	return allowed, index
}

func referenceMatches(r ipfilter.Rule, addr netip.Addr) bool {
	switch r.Kind {
	case ipfilter.All:
		return true
	case ipfilter.Unix:
		return false
	}
	addr = addr.Unmap().WithZone("")
	if r.Prefix.Contains(addr) {
		return true
	}
	// A deny rule in mapped form means the IPv4 addresses, too.
	return !r.Allow && addr.Is4() && r.Prefix.Addr().Is4In6() && r.Prefix.Bits() >= 96 &&
		netip.PrefixFrom(r.Prefix.Addr().Unmap(), r.Prefix.Bits()-96).Contains(addr)
}
