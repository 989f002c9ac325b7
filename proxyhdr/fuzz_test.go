package proxyhdr_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
)

var fuzzSeeds = []string{
	"", "198.51.100.9", "1.2.3.4, 198.51.100.9", "198.51.100.9, 10.1.1.1", "198.51.100.9,", ",,\t ,",
	"[2001:db8::9]:443, ::ffff:10.1.1.1", "for=198.51.100.9", `for="[2001:db8::9]:_x";proto=https`,
	`for=10.20.30.5;x=", for=198.51.100.9`, `for=1.2.3.4;host="a,b", for=198.51.100.9`, `for="\1.2.3.4"`,
	"198.51.100.9\x00", "\xff, 10.0.0.1", "unknown", "fe80::1%x", "1.2.3.4 5.6.7.8", strings.Repeat(",", 2000),
	strings.Repeat("a", 2000), strings.Repeat("10.1.1.1,", 20), `for="` + strings.Repeat(`\"`, 600) + `"`,
}

// fuzzLines cuts the fuzzer's text into the lines of a field.
func fuzzLines(text string) []string { return strings.Split(text, "\n") }

// checkAnswer holds for every request from a trusted peer, whatever the field says.
func checkAnswer(t *testing.T, trusted []netip.Prefix, r *http.Request, c proxyhdr.Client, err error) {
	if err != nil {
		if c.Addr.IsValid() || len(c.Hops) > 0 || c.FromHeader {
			t.Fatalf("%+v comes with the error %v", c, err)
		}
		for _, sent := range r.Header {
			for _, line := range sent {
				if len(line) > 12 && strings.Contains(err.Error(), line) {
					t.Fatalf("the error repeats what was sent: %q", err)
				}
			}
		}
		return
	}
	if !c.Addr.IsValid() || c.Addr.Is4In6() || c.Addr.Zone() != "" {
		t.Fatalf("%v is not in canonical form", c.Addr)
	}
	for i, hop := range c.Hops {
		// Every hop but the last is a proxy's. So the client is inside a trusted range only if
		// all were.
		if last := i == len(c.Hops)-1; !last && !referenceTrusts(trusted, hop) {
			t.Fatalf("the walk went past %v: %v", hop, c.Hops)
		} else if last && hop != c.Addr {
			t.Fatalf("the last hop is %v, the client %v", hop, c.Addr)
		}
	}
	if c.FromHeader != (len(c.Hops) > 0) || !c.FromHeader && c.Addr != c.Peer {
		t.Fatalf("FromHeader contradicts the hops: %+v", c)
	}
}

func FuzzXForwardedFor(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	trusted := prefixes(f, testTrusted...)
	cfg := proxyhdr.Config{Trusted: trusted}
	rs := newResolver(f, cfg)
	f.Fuzz(func(t *testing.T, text string) {
		r := &http.Request{RemoteAddr: "127.0.0.1:4000", Header: http.Header{"X-Forwarded-For": fuzzLines(text)}}
		c, err := rs.Resolve(r)
		checkAnswer(t, trusted, r, c, err)

		want, _ := referenceClient(cfg, r)
		if c.Addr != want && !(errors.Is(err, proxyhdr.ErrTooLong) && len(text) > 1024) {
			t.Fatalf("got %v (%v), want %v", c.Addr, err, want)
		}
		if err == nil && c.FromHeader {
			// The answer, sent again, is the answer.
			again := &http.Request{RemoteAddr: r.RemoteAddr, Header: http.Header{"X-Forwarded-For": {c.Addr.String()}}}
			if d, err := rs.Resolve(again); err != nil || d.Addr != c.Addr {
				t.Fatalf("%v became %v, %v", c.Addr, d.Addr, err)
			}
		}
		checkUnforgeable(t, rs, "X-Forwarded-For", text, "203.0.113.77")
	})
}

func FuzzForwarded(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add(s)
	}
	trusted := prefixes(f, testTrusted...)
	cfg := proxyhdr.Config{Trusted: trusted, Header: proxyhdr.Forwarded}
	rs := newResolver(f, cfg)
	f.Fuzz(func(t *testing.T, text string) {
		lines := fuzzLines(text)
		r := &http.Request{RemoteAddr: "127.0.0.1:4000", Header: http.Header{"Forwarded": lines}}
		c, err := rs.Resolve(r)
		checkAnswer(t, trusted, r, c, err)

		want, _ := referenceClient(cfg, r)
		// Bounds that the reference does not know, and faults left of the answer that it does.
		bounded := err != nil && len(text) > 1000 || strings.Count(text, ";") >= 16
		hidden := want == refusedByReference && !allWellFormed(lines)
		if c.Addr != want && !bounded && !hidden {
			t.Fatalf("got %v (%v), want %v", c.Addr, err, want)
		}
		checkUnforgeable(t, rs, "Forwarded", text, "for=203.0.113.77")
		checkUnforgeable(t, rs, "Forwarded", text, `for="203.0.113.77";proto="ht\tps"`)
	})
}

// checkUnforgeable is the promise itself: whatever a client sends, the proxy that appends the
// client's address, to the last line or as a line of its own, makes that address the answer.
func checkUnforgeable(t *testing.T, rs *proxyhdr.Resolver, name, forged, appended string) {
	want := netip.MustParseAddr("203.0.113.77")
	for _, lines := range [][]string{
		append(fuzzLines(forged), appended),
		fuzzLines(forged + ", " + appended),
		fuzzLines(forged + "," + appended),
		{strings.ReplaceAll(forged, "\n", ", ") + ", " + appended + ", "},
	} {
		c, err := rs.Resolve(&http.Request{RemoteAddr: "127.0.0.1:4000", Header: http.Header{name: lines}})
		if err != nil || c.Addr != want {
			t.Fatalf("%q: got %v, %v", lines, c.Addr, err)
		}
	}
}

func FuzzPeer(f *testing.F) {
	for _, s := range []string{
		"127.0.0.1:1", "[::1]:1", "@", "", "/run/x.sock", "127.0.0.1", "::1", "[fe80::1%eth0]:1", "localhost:1",
		"0127.0.0.1:1", "[::ffff:127.0.0.1]:1", "bufconn", "127.0.0.1:", "[::1]", "0.0.0.0:1", "1.2.3.4:99999",
	} {
		f.Add(s)
	}
	rs := newResolver(f, proxyhdr.Nginx())
	f.Fuzz(func(t *testing.T, remote string) {
		r := &http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {"203.0.113.77"}}}
		c, err := rs.Resolve(r)
		if err != nil {
			if !errors.Is(err, proxyhdr.ErrPeer) || c.PeerTrusted {
				t.Fatalf("%+v, %v", c, err)
			}
			return
		}
		if loopback := c.Peer == netip.MustParseAddr("127.0.0.1") || c.Peer == netip.IPv6Loopback(); loopback != c.PeerTrusted {
			t.Fatalf("peer %v, trusted %v", c.Peer, c.PeerTrusted)
		}
		if !c.PeerTrusted && c.Addr != c.Peer {
			t.Fatalf("an untrusted peer %v was believed: %v", c.Peer, c.Addr)
		}
		if !strings.Contains(remote, ":") && !strings.Contains(remote, ".") {
			t.Fatalf("%q was read as %v", remote, c.Peer)
		}
	})
}

// FuzzWrap: what Wrap hands on resolves to the same client, and holds no field that is not
// believed, whatever its spelling.
func FuzzWrap(f *testing.F) {
	f.Add("X-Forwarded-For", "198.51.100.9", "X_Forwarded_For", "10.0.0.1", true)
	f.Add("Forwarded", "for=10.0.0.1", "x-real.ip", "10.0.0.1", false)
	f.Add("True-Client-IP", "1", "X-Forwarded-Proto", "https", true)
	rs := newResolver(f, proxyhdr.Nginx())
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2 string, trusted bool) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = "203.0.113.50:1"
		if trusted {
			r.RemoteAddr = "127.0.0.1:1"
		}
		r.Header = http.Header{"X-Forwarded-For": {"203.0.113.77"}}
		r.Header.Add(name1, value1)
		r.Header.Add(name2, value2)
		sent := r.Header.Clone()
		before, errBefore := rs.Resolve(r)
		rec := httptest.NewRecorder()
		called := false
		rs.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r2 *http.Request) {
			called = true
			after, err := rs.Resolve(r2)
			if err != nil || after.Addr != before.Addr || after.Scheme != before.Scheme {
				t.Fatalf("before %+v, after %+v, %v", before, after, err)
			}
			c, ok := proxyhdr.FromContext(r2.Context())
			if !ok || c.Addr != before.Addr || !c.Forwarded {
				t.Fatalf("in the context: %+v", c)
			}
			for name := range r2.Header {
				folded := strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
				if !strings.HasPrefix(folded, "x-forwarded") && folded != "x-real-ip" && folded != "forwarded" {
					continue
				}
				known := name == "X-Forwarded-For" || name == "X-Real-Ip" || name == "X-Forwarded-Proto"
				if !known || !trusted {
					t.Fatalf("%q reached the handler", name)
				}
			}
		})).ServeHTTP(rec, r)
		if called != (errBefore == nil) || !called && rec.Code != http.StatusBadRequest {
			t.Fatalf("called %v, error %v, status %d", called, errBefore, rec.Code)
		}
		if len(sent) != len(r.Header) {
			t.Fatal("the caller's header was changed")
		}
	})
}

func FuzzParsePrefixes(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "10.1.2.3/8", "::ffff:10.0.0.0/104", "::ffff:0:0/90", "fe80::%1/10", "unix:", "", "/", "::/0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := proxyhdr.ParsePrefixes(text)
		if err != nil {
			return
		}
		if len(p) != 1 || !p[0].IsValid() || p[0].Addr().Is4In6() {
			t.Fatalf("%q: %v", text, p)
		}
		again, err := proxyhdr.ParsePrefixes(p[0].String())
		if err != nil || again[0] != p[0] {
			t.Fatalf("%v became %v, %v", p, again, err)
		}
		if err := (proxyhdr.Config{Trusted: p}).Validate(); err != nil {
			t.Fatal(err)
		}
	})
}
