package addresses

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/gaissmai/bart"
	"go4.org/netipx"

	"github.com/pruvon/pruvon/ipfilter"
)

// prefixes is the same random allowlist for all.
func prefixes(n int) (list []netip.Prefix) {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for range n {
		var b [4]byte
		for i := range b {
			b[i] = byte(rng.IntN(256))
		}
		list = append(list, netip.PrefixFrom(netip.AddrFrom4(b), 16+rng.IntN(17)).Masked())
	}
	return list
}

type lookup func(netip.Addr) bool

// list is one way to keep an allowlist.
type list struct {
	name string
	make func([]netip.Prefix) (lookup, error)
}

var lists = []list{
	{"bart", func(prefixes []netip.Prefix) (lookup, error) { // the floor: the table that pruvon's is built on
		var t bart.Lite
		for _, p := range prefixes {
			t.Insert(p)
		}
		return t.Contains, nil
	}},
	{"pruvon", func(prefixes []netip.Prefix) (lookup, error) {
		var text strings.Builder
		for _, p := range prefixes {
			fmt.Fprintf(&text, "allow %s;\n", p)
		}
		rules, err := ipfilter.Parse(strings.NewReader(text.String() + "deny all;\n"))
		if err != nil {
			return nil, err
		}
		f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return nil, err
		}
		return func(a netip.Addr) bool { return f.Decide(a).Allowed }, nil
	}},
	{"netipx", func(prefixes []netip.Prefix) (lookup, error) {
		var b netipx.IPSetBuilder
		for _, p := range prefixes {
			b.AddPrefix(p)
		}
		set, err := b.IPSet()
		if err != nil {
			return nil, err
		}
		return set.Contains, nil
	}},
	{"one by one", func(prefixes []netip.Prefix) (lookup, error) { // as nginx does
		return func(a netip.Addr) bool {
			for _, p := range prefixes {
				if p.Contains(a) {
					return true
				}
			}
			return false
		}, nil
	}},
}
