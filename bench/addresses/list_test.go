package addresses_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/gaissmai/bart"
	"go4.org/netipx"

	"github.com/pruvon/pruvon/ipfilter"
)

// list is the same random allowlist in every form.
func list(tb testing.TB, n int) (ipfilter.Rules, []netip.Prefix) {
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	var text strings.Builder
	var prefixes []netip.Prefix
	for range n {
		var b [4]byte
		for i := range b {
			b[i] = byte(rng.IntN(256))
		}
		p := netip.PrefixFrom(netip.AddrFrom4(b), 16+rng.IntN(17)).Masked()
		prefixes = append(prefixes, p)
		fmt.Fprintf(&text, "allow %s;\n", p)
	}
	rules, err := ipfilter.Parse(strings.NewReader(text.String() + "deny all;\n"))
	must(tb, err)
	return rules, prefixes
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{10, 1_000, 100_000} {
		rules, prefixes := list(b, n)
		hit := prefixes[n/2].Addr()
		b.Run(fmt.Sprintf("%d/pruvon", n), func(b *testing.B) {
			f, err := ipfilter.New(ipfilter.Config{Rules: rules})
			must(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if !f.Decide(hit).Allowed {
					b.Fatal("denied")
				}
			}
		})
		b.Run(fmt.Sprintf("%d/linear", n), func(b *testing.B) {
			for b.Loop() {
				found := false
				for _, p := range prefixes {
					if p.Contains(hit) {
						found = true
						break
					}
				}
				if !found {
					b.Fatal("denied")
				}
			}
		})
		b.Run(fmt.Sprintf("%d/bart", n), func(b *testing.B) {
			var t bart.Lite
			for _, p := range prefixes {
				t.Insert(p)
			}
			for b.Loop() {
				if !t.Contains(hit) {
					b.Fatal("denied")
				}
			}
		})
		b.Run(fmt.Sprintf("%d/netipx", n), func(b *testing.B) {
			var builder netipx.IPSetBuilder
			for _, p := range prefixes {
				builder.AddPrefix(p)
			}
			set, err := builder.IPSet()
			must(b, err)
			for b.Loop() {
				if !set.Contains(hit) {
					b.Fatal("denied")
				}
			}
		})
	}
}
