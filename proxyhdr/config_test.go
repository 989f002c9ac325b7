package proxyhdr_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

func TestValidateNamesEachField(t *testing.T) {
	err := proxyhdr.Config{
		Trusted:    []netip.Prefix{{}, netip.MustParsePrefix("::ffff:10.0.0.0/90")},
		Header:     7,
		HeaderName: "X",
	}.Validate()
	for _, want := range []string{"Trusted[0]", "Trusted[1]", "Header:"} {
		require.ErrorContains(t, err, want)
	}
	require.NoError(t, proxyhdr.Config{}.Validate())
	require.NoError(t, proxyhdr.Nginx().Validate())

	_, err = proxyhdr.New(proxyhdr.Config{HeaderName: "X-Edge"})
	require.ErrorContains(t, err, "HeaderName")
	for name, ok := range map[string]bool{
		"CF-Connecting-IP": true, "x-edge": true, "": false, "X_Real_IP": false, "a b": false, "X-Edge\r\n": false,
		"x-forwarded-for": false, "Forwarded": false, "X-Real-IP": false, "X-Forwarded-Proto": false, "Host": false,
	} {
		err := proxyhdr.Config{Header: proxyhdr.Named, HeaderName: name}.Validate()
		require.Equal(t, ok, err == nil, "%q: %v", name, err)
	}
}

func TestNewCopiesTheConfig(t *testing.T) {
	cfg := proxyhdr.Nginx()
	rs := newResolver(t, cfg)
	cfg.Trusted[0] = netip.MustParsePrefix("203.0.113.0/24")
	c, err := rs.Resolve(request("127.0.0.1:1", nil))
	require.NoError(t, err)
	require.True(t, c.PeerTrusted)
}

func TestParsePrefixes(t *testing.T) {
	got := prefixes(t, "127.0.0.1", "::1", "10.1.2.3/8", "::ffff:10.0.0.0/104", "::ffff:192.0.2.1", "fd00::/8")
	require.Equal(t, "[127.0.0.1/32 ::1/128 10.1.2.3/8 10.0.0.0/8 192.0.2.1/32 fd00::/8]", fmt.Sprint(got))
	require.Equal(t, proxyhdr.Loopback(), prefixes(t, "127.0.0.1", "::1"))

	_, err := proxyhdr.ParsePrefixes("127.0.0.1", "localhost", "10.0.0.0/33", "unix:", "fe80::1%eth0", "010.0.0.1", "")
	require.Error(t, err)
	for _, want := range []string{`"localhost"`, `"10.0.0.0/33"`, "TrustUnix", "zone", `"010.0.0.1"`, `""`} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), `"127.0.0.1"`)
}

func TestNewLogsItsWarnings(t *testing.T) {
	var log bytes.Buffer
	cfg := proxyhdr.Config{Trusted: prefixes(t, "0.0.0.0/0"), Logger: slog.New(slog.NewTextHandler(&log, nil))}
	newResolver(t, cfg)
	require.Contains(t, log.String(), "level=WARN")
	require.Contains(t, log.String(), "0.0.0.0/0 trusts everybody")
}

func TestWarnings(t *testing.T) {
	with := func(trusted ...string) proxyhdr.Config { return proxyhdr.Config{Trusted: prefixes(t, trusted...)} }
	clients := prefixes(t, "10.20.30.0/24", "203.0.113.10", "0.0.0.0/0")
	for _, tt := range []struct {
		cfg  proxyhdr.Config
		want []string
	}{
		{proxyhdr.Nginx(), nil},
		{with("192.0.2.10", "2001:db8::10"), nil},
		{with("0.0.0.0/0"), []string{"trusts everybody"}},
		{with("::/0"), []string{"trusts everybody"}},
		{with("10.0.0.0/8"), []string{"all of 10.0.0.0/8", "overlaps with 10.20.30.0/24"}},
		{with("10.20.30.1"), []string{"overlaps with 10.20.30.0/24"}},
		{with("203.0.113.0/24"), []string{"overlaps with 203.0.113.10/32"}},
		{with("100.64.0.0/10"), []string{"all of 100.64.0.0/10"}},
		{with("8.0.0.0/6"), []string{"all of 10.0.0.0/8", "overlaps with 10.20.30.0/24"}},
		{with("64.0.0.0/2"), []string{"all of 100.64.0.0/10"}},
		{with("32.0.0.0/4"), []string{"wider than any network"}},
		{with("192.0.2.7/24"), []string{"host bits"}},
		{with("192.0.2.1", "192.0.2.1"), []string{"stands at 0 and again at 1"}},
		{with("192.0.2.0/24", "192.0.2.1"), []string{"overlap"}},
		{with("224.0.0.1"), []string{"multicast"}},
		{with("0.0.0.0"), []string{"unspecified"}},
		{proxyhdr.Config{CheckRealIP: true, ForwardedHost: true, Header: proxyhdr.XRealIP}, []string{"Header: has no effect", "ForwardedHost: has no effect", "CheckRealIP: has no effect"}},
		{proxyhdr.Config{TrustUnix: true, Header: proxyhdr.Forwarded, CheckRealIP: true}, []string{"few proxies write both"}},
	} {
		got := tt.cfg.Warnings(clients...)
		require.Len(t, got, len(tt.want), "%v: %q", tt.cfg.Trusted, got)
		for i, want := range tt.want {
			require.Contains(t, got[i], want)
		}
	}
}
