package ipfilter_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
)

// The list that nginx includes, applied a second time behind it.
func Example() {
	rules, err := ipfilter.Parse(strings.NewReader(`
		allow 100.64.12.0/24;  # VPN
		allow 10.20.30.0/24;   # office
		deny all;
	`))
	if err != nil {
		fmt.Println(err)
		return
	}
	filter, err := ipfilter.New(ipfilter.Config{
		Rules: rules,
		// Behind a proxy: ClientIP: resolver.ClientIP, with a Resolver of package proxyhdr.
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := filter.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }))

	for _, peer := range []string{"10.20.30.5:4711", "198.51.100.9:4711"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		fmt.Println(w.Code)
	}
	// Output:
	// 200
	// 403
}

// The wrong way: netip.Prefix.Contains on the address as it comes. A dual-stack listener shows
// IPv4 clients in mapped form, which no IPv4 prefix contains, and a link-local peer has a zone,
// which no prefix contains either. Used to deny, such a list lets everybody pass who connects to
// the other socket.
func Example_wrongWay() {
	denied := netip.MustParsePrefix("10.20.30.0/24")
	client := netip.MustParseAddr("::ffff:10.20.30.5")
	fmt.Println("wrong:", denied.Contains(client))

	rules, _ := ipfilter.Parse(strings.NewReader("deny 10.20.30.0/24; allow all;"))
	filter, _ := ipfilter.New(ipfilter.Config{Rules: rules})
	fmt.Println("right:", !filter.Decide(client).Allowed)
	// Output:
	// wrong: false
	// right: true
}

func ExampleFilter_Decide() {
	rules, _ := ipfilter.Parse(strings.NewReader(`
allow 10.0.0.0/8;    # everybody at work
deny  10.20.30.0/24; # never reached: the first match decides
`))
	filter, _ := ipfilter.New(ipfilter.Config{Rules: rules})
	d := filter.Decide(netip.MustParseAddr("10.20.30.5"))
	fmt.Println(d.Allowed, d.Rule, d.Rule.Position(), d.Rule.Name)

	d = filter.Decide(netip.MustParseAddr("192.0.2.1"))
	fmt.Println(d.Allowed, d.Reason)
	// Output:
	// true allow 10.0.0.0/8; line 2 everybody at work
	// false no-match
}

func ExampleRules_Lint() {
	rules, _ := ipfilter.Parse(strings.NewReader(`allow 10.0.0.0/8;
deny 10.20.30.77/24;
deny 0.0.0.0/0;
`))
	for _, w := range rules.Lint(time.Now()) {
		fmt.Println(w)
	}
	// Output:
	// line 2: "deny 10.20.30.77/24;" has host bits set and means 10.20.30.0/24
	// line 2: "deny 10.20.30.77/24;" never decides: "allow 10.0.0.0/8;" in line 1 comes first and covers it
	// line 3: "deny 0.0.0.0/0;" leaves IPv6 open in nginx; write "deny all;"
}

// Two hours for an engineer on the road, without touching the file.
func ExampleFilter_AddTemporary() {
	rules, _ := ipfilter.Parse(strings.NewReader("allow 10.20.30.0/24; deny all;"))
	filter, _ := ipfilter.New(ipfilter.Config{Rules: rules})
	err := filter.AddTemporary(ipfilter.Rule{
		Allow:  true,
		Prefix: netip.MustParsePrefix("198.51.100.9/32"),
		Until:  time.Now().Add(2 * time.Hour),
		Name:   "ticket 4711",
	})
	d := filter.Decide(netip.MustParseAddr("198.51.100.9"))
	fmt.Println(err, d.Allowed, d.Reason, d.Rule.Name)
	// Output: <nil> true temporary ticket 4711
}
