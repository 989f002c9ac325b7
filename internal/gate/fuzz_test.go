package gate_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/gate"
)

// hostIs is the slow way to compare: the host's name, a port cut off by hand,
// is one of the names, letters folded, or an address that means the same.
func hostIs(host string, same func(netip.Addr) bool, names ...string) bool {
	if i := strings.LastIndex(host, ":"); i >= 0 && !strings.HasSuffix(host, "]") {
		port := host[i+1:]
		if port == "" || strings.Trim(port, "0123456789") != "" {
			return false
		}
		host = host[:i]
	}
	for _, n := range names {
		if strings.EqualFold(host, n) {
			return true
		}
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil && a.Zone() == "" && same(a)
}

// FuzzHost: no spelling of a Host gets in but those of our own names.
func FuzzHost(f *testing.F) {
	for _, s := range []string{
		"", "panel.example", "PANEL.example:443", "panel.example.", "panel.example:", "panel.example:99999", "[::1]", "[::1]:8080", "[0:0::1]",
		"[::1%25lo]", "a@panel.example", "panel.example@evil", "127.0.0.1:8080", "127.1", "localhost:1", "x.localhost", "[::ffff:127.0.0.1]",
		"panel.example\x00", "panel.example,evil", "panel.example evil", "ｐanel.example", "\u212a.example", "[panel.example]",
	} {
		f.Add(s)
	}
	listed, err := gate.New(gate.Config{Origins: []string{"https://panel.example", "http://[::1]:8080"}})
	require.NoError(f, err)
	direct, err := gate.New(gate.Config{})
	require.NoError(f, err)
	proxied, err := gate.New(gate.Config{OriginFromProxy: true, Peer: func(*http.Request) gate.Peer {
		return gate.Peer{Trusted: true, Forwarded: true}
	}})
	require.NoError(f, err)
	one := netip.MustParseAddr("::1")
	loopback := func(a netip.Addr) bool { return a.Unmap().IsLoopback() }
	f.Fuzz(func(t *testing.T, host string) {
		r := request("GET", host, local)
		if listed.Check(r) == nil && !hostIs(host, func(a netip.Addr) bool { return a == one }, "panel.example") {
			t.Fatalf("%q is taken for one of ours", host)
		}
		if direct.Check(r) == nil && !hostIs(host, loopback, "localhost") {
			t.Fatalf("%q is taken for this machine", host)
		}
		r = request("GET", host, local, "X-Forwarded-Proto", "https", "X-Forwarded-For", "192.0.2.1", "Origin", "https://"+host)
		if proxied.Check(r) == nil && (strings.Contains(strings.TrimPrefix(host, "["), ":") && !strings.HasPrefix(host, "[") || hostIs(host, loopback, "localhost")) {
			t.Fatalf("%q is taken from the proxy", host)
		}
		r.Header["Origin"] = []string{"https://evil.invalid"}
		if !strings.EqualFold(host, "evil.invalid") && proxied.Check(r) == nil {
			t.Fatalf("with the host %q a foreign origin gets in", host)
		}
	})
}
