package addresses

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/labstack/echo/v4"
	"github.com/realclientip/realclientip-go"

	"github.com/pruvon/pruvon/proxyhdr"
)

// The header values that are compared: what one proxy chain sends, and what a
// client can make of it.
var values = []struct{ name, title, xff, want string }{
	{"3hops", "3 hops", "198.51.100.9, 10.1.1.1, 10.2.2.2", "198.51.100.9"},
	{"10000commas", "10,000 commas", strings.Repeat(",", 10_000) + "198.51.100.9", "198.51.100.9"},
	{"1MiB", "1 MiB", strings.Repeat("1.2.3.4, ", 1<<20/9) + "198.51.100.9", "198.51.100.9"},
}

var trusted = []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8"}

func request(xff string) *http.Request {
	return &http.Request{
		Method: http.MethodGet, RemoteAddr: "127.0.0.1:40000", Host: "app.example",
		Header: http.Header{"X-Forwarded-For": {xff}},
	}
}

// answer is the address that was found. Some answer with a value, others with
// text, and making that is part of what they cost.
type answer struct {
	addr netip.Addr
	text string
}

func (a answer) String() string {
	if a.addr.IsValid() {
		return a.addr.String()
	}
	return a.text
}

type finder func(*http.Request) answer

// client is one way to find the address out.
type client struct {
	name string
	make func() (finder, error)
}

var clients = []client{
	{"netip walk", walk}, // the floor: nothing but a walk from the right
	{"pruvon", resolver},
	{"gin", func() (finder, error) {
		gin.SetMode(gin.ReleaseMode)
		c, engine := gin.CreateTestContext(httptest.NewRecorder())
		engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
		err := engine.SetTrustedProxies(trusted)
		return func(r *http.Request) answer { c.Request = r; return answer{text: c.ClientIP()} }, err
	}},
	{"echo", func() (finder, error) {
		find := echo.ExtractIPFromXFFHeader(echo.TrustLoopback(true), echo.TrustLinkLocal(false), echo.TrustPrivateNet(true))
		return func(r *http.Request) answer { return answer{text: find(r)} }, nil
	}},
	{"realclientip-go", func() (finder, error) {
		ranges, err := realclientip.AddressesAndRangesToIPNets(trusted...)
		if err != nil {
			return nil, err
		}
		strategy, err := realclientip.NewRightmostTrustedRangeStrategy("X-Forwarded-For", ranges)
		return func(r *http.Request) answer { return answer{text: strategy.ClientIP(r.Header, r.RemoteAddr)} }, err
	}},
}

func resolver() (finder, error) {
	prefixes, err := proxyhdr.ParsePrefixes(trusted...)
	if err != nil {
		return nil, err
	}
	rs, err := proxyhdr.New(proxyhdr.Config{Trusted: prefixes, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	return func(r *http.Request) answer {
		c, err := rs.Resolve(r)
		if err != nil {
			return answer{text: err.Error()}
		}
		return answer{addr: c.Addr}
	}, nil
}

func walk() (finder, error) {
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
	return func(r *http.Request) answer {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		a, rest := peer.Addr(), r.Header["X-Forwarded-For"][0]
		for err == nil && inside(a) && rest != "" {
			i := strings.LastIndexByte(rest, ',')
			a, err = netip.ParseAddr(strings.TrimSpace(rest[i+1:]))
			rest = rest[:max(i, 0)]
		}
		if err != nil {
			return answer{text: err.Error()}
		}
		return answer{addr: a}
	}, nil
}
