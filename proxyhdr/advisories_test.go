package proxyhdr_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

// Requests that made others answer with a forged address. The allowlist of the deployment that is
// attacked holds 10.20.30.0/24.
func TestAdvisories(t *testing.T) {
	const viaNginx, direct = "127.0.0.1:40000", "203.0.113.50:4711"
	nginx := proxyhdr.Nginx()
	for _, tt := range []struct {
		name   string
		cfg    proxyhdr.Config
		remote string
		header http.Header
		want   string // "" = refused
	}{
		{
			"GHSA-3fxj-6jh8-hvhx chi RealIP takes the leftmost", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"10.20.30.5, 198.51.100.9"}},
			"198.51.100.9",
		},
		{
			"GHSA-rjr7-jggh-pgcp chi RealIP takes True-Client-IP first", nginx, viaNginx,
			http.Header{"True-Client-Ip": {"10.20.30.5"}, "X-Forwarded-For": {"198.51.100.9"}},
			"198.51.100.9",
		},
		{
			"GHSA-9g5q-2w5x-hmxf any peer is believed", nginx, direct,
			http.Header{"X-Forwarded-For": {"10.20.30.5"}, "X-Real-Ip": {"10.20.30.5"}},
			"203.0.113.50",
		},
		{
			"gin falls through to X-Real-IP", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"garbage"}, "X-Real-Ip": {"10.20.30.5"}},
			"",
		},
		{
			"gin and echo stop at a stray comma and answer with the proxy", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"198.51.100.9,"}},
			"198.51.100.9",
		},
		{
			"CVE-2023-41338 fiber IsFromLocal", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"127.0.0.1, 198.51.100.9"}},
			"198.51.100.9",
		},
		{
			"fiber reads the first line only", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"10.20.30.5", "198.51.100.9"}},
			"198.51.100.9",
		},
		{
			"GHSA-gcfq-8gqf-4876 X-Real-IP added and not replaced",
			proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.XRealIP},
			viaNginx,
			http.Header{"X-Real-Ip": {"10.20.30.5", "198.51.100.9"}},
			"",
		},
		{
			"Caddy skips over garbage",
			proxyhdr.Config{Trusted: prefixes(t, "127.0.0.1", "10.1.0.0/16")},
			viaNginx,
			http.Header{"X-Forwarded-For": {"10.20.30.5, garbage, 10.1.1.1"}},
			"",
		},
		{
			"CVE-2026-39409 a mapped peer escapes the comparison", nginx, "[::ffff:127.0.0.1]:1",
			http.Header{"X-Forwarded-For": {"198.51.100.9"}},
			"198.51.100.9",
		},
		{
			"CVE-2021-29923 leading zeros", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"010.20.30.5"}},
			"",
		},
		{
			"nginx reads an empty octet", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"10.20..5"}},
			"",
		},
		{
			"a no-break space passes strings.TrimSpace", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"\u00a0198.51.100.9"}},
			"",
		},
		{
			"a Latin-1 no-break space", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"198.51.100.9\xa0"}},
			"",
		},
		{
			"a zone turns a proxy into a client",
			proxyhdr.Config{Trusted: prefixes(t, "127.0.0.1", "fe80::/10")},
			viaNginx,
			http.Header{"X-Forwarded-For": {"198.51.100.9, fe80::1%x"}},
			"",
		},
		{
			"Squid does not tell", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"10.20.30.5, unknown"}},
			"",
		},
		{
			"an open quote swallows the proxy's element",
			proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Forwarded},
			viaNginx,
			http.Header{"Forwarded": {`for=10.20.30.5;x=", for=198.51.100.9`}},
			"198.51.100.9",
		},
		{
			"two for= parameters",
			proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Forwarded},
			viaNginx,
			http.Header{"Forwarded": {"for=10.20.30.5;for=198.51.100.9"}},
			"",
		},
		{
			"X-Real-IP contradicts: not through this nginx", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"10.20.30.5"}, "X-Real-Ip": {"198.51.100.9"}},
			"",
		},
		{
			"X-Real-IP without X-Forwarded-For: a line of the configuration is missing", nginx, viaNginx,
			http.Header{"X-Real-Ip": {"198.51.100.9"}},
			"",
		},
		{
			"nginx on a Unix socket writes unix:", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"unix:"}, "X-Real-Ip": {"unix:"}},
			"",
		},
		{
			"the list's client and X-Real-IP agree", nginx, viaNginx,
			http.Header{"X-Forwarded-For": {"10.20.30.5, 198.51.100.9"}, "X-Real-Ip": {"198.51.100.9"}},
			"198.51.100.9",
		},
		{
			"one more hop behind nginx",
			proxyhdr.Config{Trusted: prefixes(t, "127.0.0.1", "192.0.2.1"), CheckRealIP: true},
			viaNginx,
			http.Header{"X-Forwarded-For": {"198.51.100.9, 192.0.2.1"}, "X-Real-Ip": {"192.0.2.1"}},
			"198.51.100.9",
		},
		{
			"with X-Real-IP read, X-Forwarded-For must agree",
			proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.XRealIP, CheckRealIP: true},
			viaNginx,
			http.Header{"X-Forwarded-For": {"10.20.30.5"}, "X-Real-Ip": {"198.51.100.9"}},
			"",
		},
		{
			"a named header holds one address",
			proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Named, HeaderName: "CF-Connecting-IP"},
			viaNginx,
			http.Header{"Cf-Connecting-Ip": {"10.20.30.5, 198.51.100.9"}},
			"",
		},
		{
			"a named header",
			proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Named, HeaderName: "cf-connecting-ip"},
			viaNginx,
			http.Header{"Cf-Connecting-Ip": {"2001:DB8::9"}, "X-Forwarded-For": {"10.20.30.5"}},
			"2001:db8::9",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: tt.remote, Header: tt.header}
			c, err := newResolver(t, tt.cfg).Resolve(r)
			if tt.want == "" {
				require.Error(t, err)
				require.False(t, c.Addr.IsValid())
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, c.Addr.String())
			require.Equal(t, tt.remote, r.RemoteAddr)
		})
	}
}

func TestUnixPeers(t *testing.T) {
	sent := http.Header{"X-Forwarded-For": {"198.51.100.9"}}
	for _, remote := range []string{"", "@", "@abstract", "/run/client.sock"} {
		_, err := newResolver(t, proxyhdr.Nginx()).Resolve(&http.Request{RemoteAddr: remote, Header: sent})
		require.ErrorIs(t, err, proxyhdr.ErrPeer, "%q is trusted by nobody's decision", remote)

		rs := newResolver(t, proxyhdr.Config{TrustUnix: true, CheckRealIP: true})
		c, err := rs.Resolve(&http.Request{RemoteAddr: remote, Header: sent})
		require.NoError(t, err)
		require.Equal(t, "198.51.100.9", c.Addr.String())
		require.True(t, c.PeerTrusted)
		require.False(t, c.Peer.IsValid())

		_, err = rs.Resolve(&http.Request{RemoteAddr: remote})
		require.ErrorIs(t, err, proxyhdr.ErrNoAddress, "a Unix peer has no address of its own")
		_, err = rs.Resolve(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {"198.51.100.9"}, "X-Real-Ip": {"1.1.1.1"}}})
		require.ErrorIs(t, err, proxyhdr.ErrConflict)
	}
}

// No connection comes from the unspecified address, so a RemoteAddr that says so is somebody's
// invention, as are names.
func TestPeersWithoutAnAddress(t *testing.T) {
	rs := newResolver(t, proxyhdr.Config{Trusted: prefixes(t, "0.0.0.0/0", "::/0")})
	for _, remote := range []string{"0.0.0.0:1", "[::]:1", "[::ffff:0.0.0.0]:1", "0.0.0.0", "localhost:80", "bufconn", ":80", "127.0.0.1:x"} {
		c, err := rs.Resolve(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": {"198.51.100.9"}}})
		require.ErrorIs(t, err, proxyhdr.ErrPeer, remote)
		require.False(t, c.PeerTrusted)
	}
}

func TestMaxHops(t *testing.T) {
	chain := func(proxies int) *http.Request {
		return &http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{
			"X-Forwarded-For": {"203.0.113.7" + strings.Repeat(", 10.1.1.1", proxies)},
		}}
	}
	trusted := prefixes(t, "127.0.0.1", "10.1.1.1")
	for _, tt := range []struct{ max, proxies int }{{0, proxyhdr.DefaultMaxHops - 1}, {1, 0}, {3, 2}, {-1, 500}} {
		rs := newResolver(t, proxyhdr.Config{Trusted: trusted, MaxHops: tt.max})
		c, err := rs.Resolve(chain(tt.proxies))
		require.NoError(t, err)
		require.Equal(t, "203.0.113.7", c.Addr.String())
		require.Len(t, c.Hops, tt.proxies+1)
		if tt.max >= 0 {
			_, err = rs.Resolve(chain(tt.proxies + 1))
			require.ErrorIs(t, err, proxyhdr.ErrTooLong)
		}
	}
}

// What bounds the walk refuses; nothing is cut and then believed.
func TestBounds(t *testing.T) {
	rs := newResolver(t, proxyhdr.Nginx())
	for name, value := range map[string]string{
		"padding behind":   "203.0.113.7" + strings.Repeat(",", 1<<20),
		"blanks behind":    "203.0.113.7" + strings.Repeat(" ", 1<<20),
		"blanks before":    "," + strings.Repeat(" ", 1<<20) + "203.0.113.7",
		"one long word":    strings.Repeat("1", 1<<20),
		"long word behind": "203.0.113.7," + strings.Repeat("1", 1<<20),
	} {
		_, err := rs.Resolve(&http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{"X-Forwarded-For": {value}}})
		require.Error(t, err, name)
	}
	_, err := rs.Resolve(&http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{"X-Forwarded-For": make([]string, 5000)}})
	require.ErrorIs(t, err, proxyhdr.ErrTooLong, "5000 empty lines")

	single := newResolver(t, proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.XRealIP})
	for _, lines := range [][]string{make([]string, 5000), {strings.Repeat(" ", 1<<20) + "203.0.113.7"}} {
		_, err = single.Resolve(&http.Request{RemoteAddr: "127.0.0.1:1", Header: http.Header{"X-Real-Ip": lines}})
		require.Error(t, err)
	}
}
