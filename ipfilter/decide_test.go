package ipfilter_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

// count returns n, or a tenth of it in the normal run.
func count(n int) int {
	if os.Getenv("PRUVON_FULL") == "1" {
		return n
	}
	return n / 10
}

// lists makes lists with many nested and equal prefixes, and addresses near them.
type lists struct{ *rand.Rand }

func (l lists) addr() netip.Addr {
	switch l.IntN(5) {
	case 0:
		return netip.AddrFrom4([4]byte{byte(l.Uint32()), byte(l.Uint32()), byte(l.Uint32()), byte(l.Uint32())})
	case 1, 2:
		return netip.AddrFrom4([4]byte{10, byte(l.IntN(3)), byte(l.IntN(3)), byte(l.IntN(4))})
	case 3:
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(l.IntN(2)), 0, byte(l.IntN(3)), 15: byte(l.IntN(3))})
	}
	return netip.AddrFrom16(netip.AddrFrom4([4]byte{10, byte(l.IntN(3)), byte(l.IntN(3)), byte(l.IntN(4))}).As16())
}

func (l lists) rule() ipfilter.Rule {
	r := ipfilter.Rule{Allow: l.IntN(2) == 0}
	switch l.IntN(25) {
	case 0:
		r.Kind = ipfilter.All
	case 1:
		r.Kind = ipfilter.Unix
	default:
		addr := l.addr()
		bits := l.IntN(addr.BitLen() + 1)
		if l.IntN(2) == 0 {
			bits = addr.BitLen() - l.IntN(17)
		}
		r.Prefix = netip.PrefixFrom(addr, bits)
	}
	return r
}

func (l lists) rules(n int) ipfilter.Rules {
	rules := make(ipfilter.Rules, n)
	for i := range rules {
		rules[i] = l.rule()
	}
	return rules
}

func TestDecideAgreesWithReference(t *testing.T) {
	l := lists{rand.New(rand.NewPCG(3, 4))}
	var seen [2]int
	for range count(3000) {
		rules := l.rules(l.IntN(60))
		f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
		require.NoError(t, err)
		for range 300 {
			addr := l.addr()
			allowed, index := referenceDecide(rules, addr, time.Now())
			d := f.Decide(addr)
			if d.Allowed != allowed || d.Index != index {
				t.Fatalf("%v: got %v by %d, want %v by %d\n%v", addr, d.Allowed, d.Index, allowed, index, rules)
			}
			if index >= 0 {
				require.Equal(t, rules[index], d.Rule)
			}
			seen[map[bool]int{false: 0, true: 1}[allowed]]++
		}
	}
	require.Greater(t, seen[0], count(100_000))
	require.Greater(t, seen[1], count(100_000))
}

func TestExpiryAgreesWithReference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lists{rand.New(rand.NewPCG(5, 6))}
		for range count(300) {
			rules := l.rules(40)
			for i := range rules {
				if l.IntN(3) > 0 {
					rules[i].Until = time.Now().Add(time.Duration(l.IntN(20)) * time.Minute)
				}
			}
			f, err := ipfilter.New(ipfilter.Config{Rules: rules, Logger: quiet})
			require.NoError(t, err)
			for range 21 {
				for range 50 {
					addr := l.addr()
					allowed, index := referenceDecide(rules, addr, time.Now())
					if d := f.Decide(addr); d.Allowed != allowed || d.Index != index {
						t.Fatalf("%v: got %v by %d, want %v by %d", addr, d.Allowed, d.Index, allowed, index)
					}
				}
				time.Sleep(time.Minute) // of the bubble's clock
			}
		}
	})
}

func TestDecide(t *testing.T) {
	addr := netip.MustParseAddr
	f := newFilter(t, "allow 10.20.30.0/24; # office", "allow fe80::/10;", "deny unix:;", "allow all;")
	for _, tt := range []struct {
		addr    netip.Addr
		allowed bool
		index   int
		reason  ipfilter.Reason
	}{
		{addr("10.20.30.5"), true, 0, ipfilter.ReasonRule},
		{addr("::ffff:10.20.30.5"), true, 0, ipfilter.ReasonRule},
		{addr("fe80::1%eth0"), true, 1, ipfilter.ReasonRule},
		{addr("198.51.100.9"), true, 3, ipfilter.ReasonRule},
		{netip.Addr{}, false, -1, ipfilter.ReasonNoAddress},
	} {
		d := f.Decide(tt.addr)
		require.Equal(t, tt.allowed, d.Allowed, tt.addr)
		require.Equal(t, tt.index, d.Index, tt.addr)
		require.Equal(t, tt.reason, d.Reason, tt.addr)
	}
	require.Equal(t, "office", f.Decide(addr("10.20.30.5")).Rule.Name)
	require.False(t, f.DecideUnix().Allowed)
	require.Equal(t, 2, f.DecideUnix().Index)
}

func TestDefaults(t *testing.T) {
	addr := netip.MustParseAddr("198.51.100.9")
	for _, tt := range []struct {
		lines   []string
		allowed bool
		reason  ipfilter.Reason
	}{
		{nil, false, ipfilter.ReasonEmpty},
		{[]string{"# only a comment"}, false, ipfilter.ReasonEmpty},
		{[]string{"allow 10.0.0.0/8;"}, false, ipfilter.ReasonNoMatch},
		{[]string{"allow 10.0.0.0/8; # until=2001-01-01"}, false, ipfilter.ReasonNoMatch},
		{[]string{"deny 10.0.0.0/8;"}, true, ipfilter.ReasonNoMatch},
		{[]string{"deny 0.0.0.0/0;"}, false, ipfilter.ReasonRule},
		{[]string{"deny ::/0;"}, true, ipfilter.ReasonNoMatch},
	} {
		f := newFilter(t, tt.lines...)
		d := f.Decide(addr)
		require.Equal(t, tt.allowed, d.Allowed, "%q", tt.lines)
		require.Equal(t, tt.reason, d.Reason, "%q", tt.lines)
		if tt.reason != ipfilter.ReasonRule {
			require.Equal(t, -1, d.Index)
			require.Equal(t, tt.allowed, f.DecideUnix().Allowed, "%q", tt.lines)
		}
		require.False(t, f.Decide(netip.Addr{}).Allowed, "no address is denied by every list")
	}
}

// A deny rule in mapped form denies, an allow rule in mapped form admits nobody: each fails closed.
func TestRulesInMappedForm(t *testing.T) {
	for _, addr := range []string{"10.20.30.5", "::ffff:10.20.30.5"} {
		a := netip.MustParseAddr(addr)
		require.False(t, newFilter(t, "allow ::ffff:10.20.30.0/120;", "deny all;").Decide(a).Allowed)
		require.False(t, newFilter(t, "deny ::ffff:10.20.30.0/120;", "allow all;").Decide(a).Allowed)
		require.True(t, newFilter(t, "deny ::ffff:10.20.31.0/120;", "allow all;").Decide(a).Allowed)
	}
}

func TestSetRules(t *testing.T) {
	f := newFilter(t, "allow 10.0.0.0/8;")
	addr := netip.MustParseAddr("192.0.2.1")
	rules := parse(t, "allow 192.0.2.0/24;", "deny all;")
	require.NoError(t, f.SetRules(rules))
	rules[0].Allow = false
	require.True(t, f.Decide(addr).Allowed, "the rules were copied")
	require.Len(t, f.Rules(), 2)
	f.Rules()[0].Allow = false
	require.True(t, f.Decide(addr).Allowed)

	for _, bad := range []ipfilter.Rule{
		{}, {Kind: ipfilter.All, Prefix: netip.MustParsePrefix("10.0.0.0/8")}, {Kind: 9}, {Kind: ipfilter.Unix, Prefix: netip.MustParsePrefix("::/0")},
	} {
		bad.File, bad.Line = "list", 3
		err := f.SetRules(ipfilter.Rules{{Kind: ipfilter.All}, bad})
		require.ErrorContains(t, err, "rule 1 (list:3)")
		require.True(t, f.Decide(addr).Allowed, "nothing has changed")
	}
	require.NoError(t, f.SetRules(nil))
	require.Equal(t, ipfilter.ReasonEmpty, f.Decide(addr).Reason)
	require.NoError(t, f.Reload())
	require.NoError(t, f.Shutdown(t.Context()))
}

// Readers see one list or the other while lists are exchanged, never a mixture.
func TestSetRulesWhileReading(t *testing.T) {
	evens := parse(t, "allow 10.0.0.2;", "deny all;")
	odds := parse(t, "deny 192.0.2.1;", "deny 10.0.0.2;", "allow all;")
	f := newFilter(t, "deny all;")
	require.NoError(t, f.SetRules(evens))
	done := make(chan error, 2)
	for range 2 {
		go func() {
			for range 20_000 {
				d := f.Decide(netip.MustParseAddr("10.0.0.2"))
				if d.Allowed != (d.Index == 0) {
					done <- fmt.Errorf("a mixture: %+v", d)
					return
				}
			}
			done <- nil
		}()
	}
	for i := range 2000 {
		if i%2 == 0 {
			require.NoError(t, f.SetRules(odds))
		} else {
			require.NoError(t, f.SetRules(evens))
		}
	}
	require.NoError(t, <-done)
	require.NoError(t, <-done)
}
