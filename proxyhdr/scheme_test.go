package proxyhdr_test

import (
	"crypto/tls"
	"net/http"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

func TestSchemeAndHost(t *testing.T) {
	nginx := proxyhdr.Nginx()
	withHost := nginx
	withHost.ForwardedHost = true
	rfc := proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Forwarded, ForwardedHost: true}
	proto := func(values ...string) http.Header { return http.Header{"X-Forwarded-Proto": values} }
	host := func(values ...string) http.Header { return http.Header{"X-Forwarded-Host": values} }
	fwd := func(values ...string) http.Header { return http.Header{"Forwarded": values} }

	for _, tt := range []struct {
		name         string
		cfg          proxyhdr.Config
		remote       string
		tls          bool
		header       http.Header
		scheme, host string
	}{
		{"nothing said", nginx, "127.0.0.1:1", false, nil, "http", "app.example"},
		{"nothing said, TLS", nginx, "127.0.0.1:1", true, nil, "https", "app.example"},
		{"https", nginx, "127.0.0.1:1", false, proto("https"), "https", "app.example"},
		{"upper case", nginx, "127.0.0.1:1", false, proto("HTTPS"), "https", "app.example"},
		{"http over a TLS connection", nginx, "127.0.0.1:1", true, proto("http"), "http", "app.example"},
		{"rightmost of a list", nginx, "127.0.0.1:1", false, proto("https, http"), "http", "app.example"},
		{"last line", nginx, "127.0.0.1:1", false, proto("http", "https"), "https", "app.example"},
		{"no scheme", nginx, "127.0.0.1:1", false, proto("https:"), "http", "app.example"},
		{"CWE-113", nginx, "127.0.0.1:1", true, proto("http\r\nSet-Cookie: x=1"), "https", "app.example"},
		{"two words", nginx, "127.0.0.1:1", false, proto("x https"), "http", "app.example"},
		{"CVE-2026-3635 untrusted peer", withHost, "203.0.113.50:1", false, http.Header{"X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil.example"}}, "http", "app.example"},
		{"host not configured", nginx, "127.0.0.1:1", false, host("evil.example"), "http", "app.example"},
		{"host", withHost, "127.0.0.1:1", false, host("a.example:8443"), "http", "a.example:8443"},
		{"host, rightmost", withHost, "127.0.0.1:1", false, host("evil.example, a.example"), "http", "a.example"},
		{"host, IPv6", withHost, "127.0.0.1:1", false, host("[2001:db8::1]:443"), "http", "[2001:db8::1]:443"},
		{"host with a path", withHost, "127.0.0.1:1", false, host("a.example/evil"), "http", "app.example"},
		{"host with a user", withHost, "127.0.0.1:1", false, host("a@b"), "http", "app.example"},
		{"host with line ends", withHost, "127.0.0.1:1", false, host("a\r\nb"), "http", "app.example"},
		{"host without a name", withHost, "127.0.0.1:1", false, host(":80"), "http", "app.example"},
		{"host with a bad port", withHost, "127.0.0.1:1", false, host("a:b"), "http", "app.example"},
		{"host with a broken literal", withHost, "127.0.0.1:1", false, host("[::1"), "http", "app.example"},
		{"Forwarded", rfc, "127.0.0.1:1", false, fwd(`for=1.1.1.1;proto=https;host="a.example:443"`), "https", "a.example:443"},
		{"Forwarded, host not configured", proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Forwarded}, "127.0.0.1:1", false, fwd("for=1.1.1.1;host=evil"), "http", "app.example"},
		{"Forwarded, nearest element", rfc, "127.0.0.1:1", false, fwd(`for=1.1.1.1;proto=https;host=evil, for=127.0.0.1;proto=http;host=b`), "http", "b"},
		{"Forwarded, quoted-pair", rfc, "127.0.0.1:1", false, fwd(`for=1.1.1.1;proto="ht\tps"`), "https", "app.example"},
		{"Forwarded does not read X-Forwarded-Proto", rfc, "127.0.0.1:1", false, http.Header{"Forwarded": {"for=1.1.1.1"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"evil"}}, "http", "app.example"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.remote, Host: "app.example", Header: tt.header}
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			c, err := newResolver(t, tt.cfg).Resolve(r)
			require.NoError(t, err)
			require.Equal(t, tt.scheme, c.Scheme)
			require.Equal(t, tt.host, c.Host)
			require.Equal(t, "app.example", r.Host)
		})
	}
}
