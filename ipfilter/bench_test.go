package ipfilter_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

// benchRules makes n rules, two thirds of them IPv4, and addresses of which about half are in one.
func benchRules(n int) (ipfilter.Rules, []netip.Addr) {
	rnd := rand.New(rand.NewPCG(9, uint64(n)))
	rules := make(ipfilter.Rules, n)
	for i := range rules {
		rules[i].Allow = rnd.IntN(2) == 0
		if i%3 < 2 {
			addr := netip.AddrFrom4([4]byte{byte(1 + rnd.IntN(223)), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32())})
			rules[i].Prefix = netip.PrefixFrom(addr, 16+rnd.IntN(17)).Masked()
			continue
		}
		addr := [16]byte{0x20, 0x01, byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32())}
		rules[i].Prefix = netip.PrefixFrom(netip.AddrFrom16(addr), 32+rnd.IntN(97)).Masked()
	}
	rules = append(rules, ipfilter.Rule{Kind: ipfilter.All})
	addrs := make([]netip.Addr, 1024)
	for i := range addrs {
		addrs[i] = rules[rnd.IntN(n)].Prefix.Addr()
		if i%2 == 1 {
			addrs[i] = netip.AddrFrom4([4]byte{byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32()), byte(rnd.Uint32())})
		}
	}
	return rules, addrs
}

var benchSizes = []int{10, 1_000, 100_000}

func BenchmarkDecide(b *testing.B) {
	for _, n := range benchSizes {
		rules, addrs := benchRules(n)
		f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
		require.NoError(b, err)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if d := f.Decide(addrs[i&1023]); d.Index < 0 {
					b.Fatal("no rule decided")
				}
				i++
			}
		})
	}
}

// BenchmarkDecideReference goes over the rules one by one, as nginx does.
func BenchmarkDecideReference(b *testing.B) {
	for _, n := range benchSizes {
		rules, addrs := benchRules(n)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				addr := addrs[i&1023]
				for j := range rules {
					if rules[j].Kind == ipfilter.All || rules[j].Prefix.Contains(addr) {
						break
					}
				}
				i++
			}
		})
	}
}

// BenchmarkDecideTemporary has a full set of temporary entries in front of the list, and reads the
// clock, as every rule with an expiry makes it.
func BenchmarkDecideTemporary(b *testing.B) {
	rules, addrs := benchRules(1000)
	f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
	require.NoError(b, err)
	for i := range ipfilter.DefaultMaxTemporary {
		r := rules[i]
		r.Until = time.Now().Add(time.Hour)
		if f.AddTemporary(r) != nil {
			b.Fatal(r)
		}
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if d := f.Decide(addrs[i&1023]); d.Index < 0 {
			b.Fatal("no rule decided")
		}
		i++
	}
}

// BenchmarkDecideWhileSwapping decides on all cores while another goroutine exchanges the rules
// without a pause.
func BenchmarkDecideWhileSwapping(b *testing.B) {
	rules, addrs := benchRules(1_000)
	f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
	require.NoError(b, err)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = f.SetRules(rules)
			}
		}
	}()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_ = f.Decide(addrs[i&1023])
		}
	})
	close(stop)
	<-stopped
}

func BenchmarkBuild(b *testing.B) {
	for _, n := range benchSizes {
		rules, _ := benchRules(n)
		f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
		require.NoError(b, err)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f.SetRules(rules); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	rules, _ := benchRules(100_000)
	var text strings.Builder
	for _, r := range rules {
		text.WriteString(r.String() + "\n")
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ipfilter.Parse(strings.NewReader(text.String())); err != nil {
			b.Fatal(err)
		}
	}
}

func TestDecideDoesNotAllocate(t *testing.T) {
	for _, n := range []int{10, 1_000, count(100_000)} {
		rules, addrs := benchRules(n)
		rules[0].Until = time.Now().Add(time.Hour)
		f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
		require.NoError(t, err)
		require.NoError(t, f.AddTemporary(temporary(true, "192.0.2.1/32", time.Hour)))
		i := 0
		require.Zero(t, testing.AllocsPerRun(2000, func() {
			if f.Decide(addrs[i&1023]).Index < 0 {
				t.Fatal("no rule decided")
			}
			i++
		}), "%d rules", n)
	}
}

// BenchmarkLint is paid when a file is loaded.
func BenchmarkLint(b *testing.B) {
	for _, n := range benchSizes {
		rules, _ := benchRules(n)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			for b.Loop() {
				_ = rules.Lint(time.Unix(0, 0))
			}
		})
	}
}
