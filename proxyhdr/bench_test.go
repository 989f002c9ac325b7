package proxyhdr_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

// benchRequests are what a walk of three hops may look like. The long ones must cost what the
// short one does.
func benchRequests() map[string]*http.Request {
	xff := func(lines ...string) *http.Request {
		return &http.Request{RemoteAddr: "127.0.0.1:40000", Host: "app.example", Header: http.Header{"X-Forwarded-For": lines}}
	}
	const three = "198.51.100.9, 10.1.1.1, 10.2.2.2"
	return map[string]*http.Request{
		"hops=3":         xff(three),
		"hops=3/lines=3": xff("198.51.100.9", "10.1.1.1", "10.2.2.2"),
		"hops=3/v6":      xff("2001:db8::9, fd00::1, fd00::2"),
		"10k-commas":     xff(strings.Repeat(",", 10_000) + three),
		"1MiB-hops":      xff(strings.Repeat("1.1.1.1, ", 1<<20/9) + three),
		"1MiB-word":      xff(strings.Repeat("a", 1<<20) + "," + three),
		"10k-lines":      xff(append(make([]string, 10_000), three)...),
	}
}

var benchTrusted = []string{"127.0.0.0/8", "::1", "10.0.0.0/8", "fd00::/8"}

func BenchmarkResolve(b *testing.B) {
	rs := newResolver(b, proxyhdr.Config{Trusted: prefixes(b, benchTrusted...)})
	for name, r := range benchRequests() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if c, err := rs.Resolve(r); err != nil || len(c.Hops) != 3 {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkResolveReference is the obvious way: join, split, parse everything that is needed.
func BenchmarkResolveReference(b *testing.B) {
	cfg := proxyhdr.Config{Trusted: prefixes(b, benchTrusted...)}
	for name, r := range benchRequests() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if addr, _ := referenceClient(cfg, r); !addr.IsValid() {
					b.Fatal(addr)
				}
			}
		})
	}
}

func BenchmarkResolveForwarded(b *testing.B) {
	rs := newResolver(b, proxyhdr.Config{Trusted: prefixes(b, benchTrusted...), Header: proxyhdr.Forwarded})
	const three = `for="[2001:db8::9]:4711";proto=https, for=10.1.1.1, for=10.2.2.2`
	for name, line := range map[string]string{"hops=3": three, "1MiB-hops": strings.Repeat(`for="1.1.1.1", `, 1<<20/15) + three} {
		r := &http.Request{RemoteAddr: "127.0.0.1:40000", Header: http.Header{"Forwarded": {line}}}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rs.Resolve(r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRefuse is what an attacker can make the server pay.
func BenchmarkRefuse(b *testing.B) {
	rs := newResolver(b, proxyhdr.Nginx())
	for name, value := range map[string]string{
		"short":       "x",
		"1MiB-word":   strings.Repeat("a", 1<<20),
		"1MiB-commas": strings.Repeat(",", 1<<20),
		"1MiB-blanks": strings.Repeat(" ", 1<<20),
		"1MiB-proxy":  strings.Repeat("127.0.0.1,", 1<<20/10),
	} {
		r := &http.Request{RemoteAddr: "127.0.0.1:40000", Header: http.Header{"X-Forwarded-For": {value}}}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := rs.Resolve(r); err == nil {
					b.Fatal("not refused")
				}
			}
		})
	}
}

func BenchmarkWrap(b *testing.B) {
	h := newResolver(b, proxyhdr.Nginx()).Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := request("127.0.0.1:40000", http.Header{
		"X-Forwarded-For": {"198.51.100.9"}, "X-Real-Ip": {"198.51.100.9"}, "X-Forwarded-Proto": {"https"}, "Accept": {"*/*"},
		"User-Agent": {"Mozilla/5.0"}, "Accept-Encoding": {"gzip"}, "Cookie": {"a=b"}, "Connection": {"upgrade"}, "Origin": {"https://a"},
	})
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(nil, r)
	}
}

func TestResolveDoesNotAllocate(t *testing.T) {
	nginx := newResolver(t, proxyhdr.Nginx())
	rfc := newResolver(t, proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Forwarded})
	for _, tt := range []struct {
		name string
		rs   *proxyhdr.Resolver
		h    http.Header
	}{
		{"three hops", nginx, http.Header{"X-Forwarded-For": {"198.51.100.9, ::1, 127.0.0.1"}}},
		{"as nginx sends it", nginx, http.Header{"X-Forwarded-For": {"1.1.1.1, 198.51.100.9"}, "X-Real-Ip": {"198.51.100.9"}, "X-Forwarded-Proto": {"https"}}},
		{"sixteen hops", nginx, http.Header{"X-Forwarded-For": {"198.51.100.9" + strings.Repeat(",127.0.0.1", 15)}}},
		{"1 MiB", nginx, http.Header{"X-Forwarded-For": {strings.Repeat("1.1.1.1,", 1<<17) + "198.51.100.9"}}},
		{"no header", nginx, nil},
		{"Forwarded", rfc, http.Header{"Forwarded": {`for="[2001:db8::9]:1";proto=https, for=127.0.0.1`}}},
	} {
		r := &http.Request{RemoteAddr: "127.0.0.1:40000", Header: tt.h}
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if c, err := tt.rs.Resolve(r); err != nil || !c.Addr.IsValid() {
				t.Fatal(err)
			}
		}), tt.name)
		clientIP := tt.rs.ClientIP // as it is handed to an address filter: never inlined
		require.Zero(t, testing.AllocsPerRun(100, func() {
			if addr, err := clientIP(r); err != nil || !addr.IsValid() {
				t.Fatal(addr, err)
			}
		}), "ClientIP, %s", tt.name)
	}
}
