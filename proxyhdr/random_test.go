package proxyhdr_test

import (
	"math/rand/v2"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

// count returns n, or a tenth of it in the normal run.
func count(n int) int {
	if os.Getenv("PRUVON_FULL") == "1" {
		return n
	}
	return n / 10
}

var testTrusted = []string{"127.0.0.1", "::1", "10.0.0.0/8", "fd00::/8", "198.51.100.128/25", "2001:db8:ffff::/48"}

func newResolver(t testing.TB, cfg proxyhdr.Config) *proxyhdr.Resolver {
	if cfg.Logger == nil {
		cfg.Logger = quiet
	}
	rs, err := proxyhdr.New(cfg)
	require.NoError(t, err)
	return rs
}

func prefixes(t testing.TB, texts ...string) []netip.Prefix {
	p, err := proxyhdr.ParsePrefixes(texts...)
	require.NoError(t, err)
	return p
}

// chains makes fields that are mostly right, so that the walk goes deep, and sometimes wrong in
// one place.
type chains struct{ *rand.Rand }

func (c chains) pick(words ...string) string { return words[c.IntN(len(words))] }

func (c chains) addr() string {
	switch c.IntN(7) {
	case 0, 1:
		return c.pick("10.1.1.1", "10.255.0.7", "127.0.0.1", "198.51.100.200", "::ffff:10.2.3.4", "fd00::1", "2001:db8:ffff::7", "::1")
	case 2:
		return netip.AddrFrom4([4]byte{byte(c.Uint32()), byte(c.Uint32()), byte(c.Uint32()), byte(c.Uint32())}).String()
	case 3:
		var b [16]byte
		for i := range b {
			b[i] = byte(c.Uint32() & c.Uint32())
		}
		return netip.AddrFrom16(b).String()
	case 4:
		return c.pick("203.0.113.10", "2001:db8::9", "198.51.100.9", "100.64.12.7")
	case 5:
		return c.pick("2001:0DB8::0009", "::ffff:c633:6409", "::ffff:198.51.100.9", "64:ff9b::10.1.1.1", "1:2:3:4:5:6:7::")
	}
	return c.pick("garbage", "unknown", "_hidden", "unix:", "010.1.1.1", "1.2.3", "256.1.1.1", "0.0.0.0", "::", "fe80::1%eth0",
		"1.2.3.4/32", "\u3000", "...", ":", "[", "10.1.1.1 10.2.2.2", "\x00", "'1.2.3.4'", "1.2.3.4.", "-1.2.3.4", "::1::", "1.2.3.4:80:81")
}

func (c chains) hop() string {
	a := c.addr()
	switch c.IntN(8) {
	case 0:
		if strings.Contains(a, ":") {
			return "[" + a + "]"
		}
		return a + ":" + c.pick("1", "80", "65535", "65536", "0", "99999", "0080", "080808", "http", "")
	case 1:
		return "[" + a + "]:" + c.pick("1", "443", "0", "123456")
	}
	return a
}

func (c chains) separator() string {
	return c.pick(", ", ", ", ",", " , ", ",\t", ",,", ", , ", " ,,\t ")
}

// lines spreads elements over some field lines.
func (c chains) lines(element func() string) []string {
	var lines []string
	for range c.IntN(4) {
		var line strings.Builder
		line.WriteString(c.pick("", "", "", " ", ",", "\t"))
		for i := range c.IntN(7) {
			if i > 0 {
				line.WriteString(c.separator())
			}
			line.WriteString(element())
		}
		line.WriteString(c.pick("", "", "", " ", ",", "\t,"))
		lines = append(lines, line.String())
	}
	return lines
}

func (c chains) pair() string {
	name := c.pick("for", "for", "for", "For", "proto", "host", "by", "x", "")
	value := c.hop()
	if name == "proto" || c.IntN(9) == 0 {
		value = c.pick("https", "http", "", "a,b", `a\"b`, "_x", "unknown", "example.com")
	}
	if strings.ContainsAny(value, `:[],\`) || c.IntN(4) == 0 {
		value = `"` + value + `"`
	}
	return name + c.pick("=", "=", "=", "=", "=", "=", "=", " = ", "") + value
}

func (c chains) forwarded() string {
	pairs := make([]string, 1+c.IntN(3))
	for i := range pairs {
		pairs[i] = c.pair()
	}
	if c.IntN(3) > 0 {
		pairs[0] = `for="` + c.hop() + `"`
	}
	return strings.Join(pairs, c.pick(";", ";", ";", ";", "; ", ";;"))
}

// A million chains, and not one answer that differs from the reference.
func TestRandomChainsAgreeWithReference(t *testing.T) {
	c := chains{rand.New(rand.NewPCG(1, 2))}
	for _, tt := range []struct {
		header  proxyhdr.Header
		name    string
		element func() string
	}{
		{proxyhdr.XForwardedFor, "X-Forwarded-For", c.hop},
		{proxyhdr.Forwarded, "Forwarded", c.forwarded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg := proxyhdr.Config{Trusted: prefixes(t, testTrusted...), Header: tt.header}
			rs := newResolver(t, cfg)
			var clients, refused int
			for range count(500_000) {
				r := &http.Request{
					RemoteAddr: c.pick("127.0.0.1:4000", "[::1]:4000", "[::ffff:127.0.0.1]:1", "203.0.113.50:99", "10.9.9.9:1"),
					Header:     http.Header{tt.name: c.lines(tt.element)},
				}
				want, _ := referenceClient(cfg, r)
				got, err := rs.Resolve(r)
				if got.Addr != want {
					if tt.header == proxyhdr.Forwarded && want == refusedByReference && !allWellFormed(r.Header[tt.name]) {
						continue // the walk does not see what is wrong further left
					}
					t.Fatalf("%q from %s: got %v (%v), want %v", r.Header, r.RemoteAddr, got.Addr, err, want)
				}
				if err == nil {
					clients++
				} else {
					refused++
				}
			}
			// Both kinds of answer must be common, or the test says little.
			require.Greater(t, clients, count(50_000))
			require.Greater(t, refused, count(50_000))
		})
	}
}

func allWellFormed(lines []string) bool {
	for _, line := range lines {
		if !wellFormedForwarded.MatchString(line) {
			return false
		}
	}
	return true
}
