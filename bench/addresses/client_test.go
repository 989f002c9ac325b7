package addresses_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"
	"github.com/realclientip/realclientip-go"

	"github.com/pruvon/pruvon/proxyhdr"
)

// The header values that are compared: what one proxy chain sends, and what a
// client can make of it.
var values = []struct{ name, xff, want string }{
	{"3hops", "198.51.100.9, 10.1.1.1, 10.2.2.2", "198.51.100.9"},
	{"10000commas", strings.Repeat(",", 10_000) + "198.51.100.9", "198.51.100.9"},
	{"1MiB", strings.Repeat("1.2.3.4, ", 1<<20/9) + "198.51.100.9", "198.51.100.9"},
}

var trusted = []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8"}

func request(xff string) *http.Request {
	return &http.Request{
		Method: http.MethodGet, RemoteAddr: "127.0.0.1:40000", Host: "app.example",
		Header: http.Header{"X-Forwarded-For": {xff}},
	}
}

// client is one way to find the address out.
type client struct {
	name string
	find func(tb testing.TB) func(*http.Request) string
}

var clients = []client{
	{"pruvon", func(tb testing.TB) func(*http.Request) string {
		prefixes, err := proxyhdr.ParsePrefixes(trusted...)
		must(tb, err)
		rs, err := proxyhdr.New(proxyhdr.Config{Trusted: prefixes, Logger: slog.New(slog.DiscardHandler)})
		must(tb, err)
		return func(r *http.Request) string {
			c, err := rs.Resolve(r)
			if err != nil || !c.Addr.IsValid() {
				tb.Fatal("no address", err)
			}
			return text(tb, c.Addr)
		}
	}},
	{"walk", walk}, // the floor: nothing but a netip walk from the right
	{"gin", func(tb testing.TB) func(*http.Request) string {
		gin.SetMode(gin.ReleaseMode)
		c, engine := gin.CreateTestContext(httptest.NewRecorder())
		engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
		must(tb, engine.SetTrustedProxies(trusted))
		return func(r *http.Request) string { c.Request = r; return c.ClientIP() }
	}},
	{"echo", func(tb testing.TB) func(*http.Request) string {
		options := []echo.TrustOption{echo.TrustLoopback(true), echo.TrustLinkLocal(false), echo.TrustPrivateNet(true)}
		return echo.ExtractIPFromXFFHeader(options...)
	}},
	{"realclientip", func(tb testing.TB) func(*http.Request) string {
		ranges, err := realclientip.AddressesAndRangesToIPNets(trusted...)
		must(tb, err)
		strategy, err := realclientip.NewRightmostTrustedRangeStrategy("X-Forwarded-For", ranges)
		must(tb, err)
		return func(r *http.Request) string { return strategy.ClientIP(r.Header, r.RemoteAddr) }
	}},
}

// text is skipped while measuring: our answer and the floor's are values, and
// the others' strings are part of what they cost.
func text(tb testing.TB, a netip.Addr) string {
	if _, measuring := tb.(*testing.B); measuring {
		return ""
	}
	return a.String()
}

func walk(tb testing.TB) func(*http.Request) string {
	var prefixes []netip.Prefix
	for _, s := range trusted {
		prefixes = append(prefixes, netip.MustParsePrefix(s))
	}
	inside := func(a netip.Addr) bool {
		for _, p := range prefixes {
			if p.Contains(a) {
				return true
			}
		}
		return false
	}
	return func(r *http.Request) string {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		a, rest := peer.Addr(), r.Header["X-Forwarded-For"][0]
		for err == nil && inside(a) && rest != "" {
			i := strings.LastIndexByte(rest, ',')
			a, err = netip.ParseAddr(strings.TrimSpace(rest[i+1:]))
			rest = rest[:max(i, 0)]
		}
		if err != nil {
			tb.Fatal(err)
		}
		return text(tb, a)
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// All must find the same client, or the comparison compares nothing.
func TestAllFindTheSameClient(t *testing.T) {
	for _, v := range values {
		for _, c := range clients {
			if got := c.find(t)(request(v.xff)); got != v.want {
				t.Errorf("%s: %s finds %q, want %s", v.name, c.name, got, v.want)
			}
		}
	}
}

func BenchmarkClientIP(b *testing.B) {
	for _, v := range values {
		for _, c := range clients {
			b.Run(v.name+"/"+c.name, func(b *testing.B) {
				find, r := c.find(b), request(v.xff)
				b.ReportAllocs()
				for b.Loop() {
					find(r)
				}
			})
		}
	}
}
