package gate_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/gate"
)

// request builds one as a handler sees it: headers are name, value pairs.
func request(method, host, remote string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, "/x", nil)
	r.Host, r.RemoteAddr = host, remote
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// status is the verdict: 0 lets the request through.
func status(err error) int {
	if err == nil {
		return 0
	}
	return gate.AsProblem(err).Status
}

const local = "127.0.0.1:40000"

func TestConfiguredOrigins(t *testing.T) {
	g, err := gate.New(gate.Config{Origins: []string{"https://panel.example", "http://[::1]:8080", "https://alt.example:8443"}})
	require.NoError(t, err)
	tests := []struct {
		name            string
		host            string
		headers         []string
		plain, upgraded int
	}{
		{"our page", "panel.example", []string{"Origin", "https://panel.example"}, 0, 0},
		{"our page, default port spelled out", "panel.example:443", []string{"Origin", "https://panel.example:443"}, 0, 0},
		{"upper case host", "PANEL.example", []string{"Origin", "https://panel.example"}, 0, 0},
		{"port stripped by nginx $host", "alt.example", []string{"Origin", "https://alt.example:8443"}, 0, 0},
		{"IPv6 literal", "[::1]:8080", []string{"Origin", "http://[::1]:8080"}, 0, 0},
		{"no origin", "panel.example", nil, 0, 403},
		{"cross-site WebSocket hijacking", "panel.example", []string{"Origin", "https://evil.example"}, 403, 403},
		{"sibling subdomain", "panel.example", []string{"Origin", "https://x.panel.example"}, 403, 403},
		{"other port", "panel.example", []string{"Origin", "https://panel.example:444"}, 403, 403},
		{"other scheme", "panel.example", []string{"Origin", "http://panel.example"}, 403, 403},
		{"null origin", "panel.example", []string{"Origin", "null"}, 403, 403},
		{"empty origin", "panel.example", []string{"Origin", ""}, 403, 403},
		{"userinfo", "panel.example", []string{"Origin", "https://panel.example@evil.example"}, 403, 403},
		{"userinfo of ours", "panel.example", []string{"Origin", "https://a@panel.example"}, 403, 403},
		{"path", "panel.example", []string{"Origin", "https://panel.example/"}, 403, 403},
		{"trailing dot", "panel.example", []string{"Origin", "https://panel.example."}, 403, 403},
		{"several origins, ours first", "panel.example", []string{"Origin", "https://panel.example", "Origin", "https://evil.example"}, 403, 403},
		{"DNS rebinding", "rebind.example", []string{"Origin", "http://rebind.example"}, 421, 421},
		{"DNS rebinding without origin", "rebind.example", nil, 421, 421},
		{"host with trailing dot", "panel.example.", nil, 421, 421},
		{"upstream address as host", "127.0.0.1:8080", []string{"Origin", "https://panel.example"}, 421, 421},
		{"no host", "", nil, 421, 421},
		{"host with userinfo", "a@panel.example", nil, 421, 421},
		{"bad port", "panel.example:0x1", nil, 421, 421},
		{"cross-site by the browser's word", "panel.example", []string{"Sec-Fetch-Site", "cross-site"}, 403, 403},
		{"same-site by the browser's word", "panel.example", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403, 403},
		{"typed address", "panel.example", []string{"Sec-Fetch-Site", "none"}, 0, 403},
		{"unknown fetch site", "panel.example", []string{"Sec-Fetch-Site", "future"}, 403, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, m := range []string{"GET", "POST", "HEAD", "DELETE"} {
				assert.Equal(t, tt.plain, status(g.Check(request(m, tt.host, local, tt.headers...))), m)
			}
			assert.Equal(t, tt.upgraded, status(g.CheckUpgrade(request("GET", tt.host, local, tt.headers...))))
		})
	}
}

func TestPageAdmitsTopLevelNavigationOnly(t *testing.T) {
	g, err := gate.New(gate.Config{Origins: []string{"https://panel.example"}})
	require.NoError(t, err)
	nav := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	frame := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}
	assert.Equal(t, 0, status(g.CheckPage(request("GET", "panel.example", local, nav...))))
	assert.Equal(t, 403, status(g.CheckPage(request("POST", "panel.example", local, nav...))))
	assert.Equal(t, 403, status(g.CheckPage(request("GET", "panel.example", local, frame...))))
	assert.Equal(t, 403, status(g.Check(request("GET", "panel.example", local, nav...))))
}

func TestDirectRequestsOnlyWithoutOrigins(t *testing.T) {
	g, err := gate.New(gate.Config{})
	require.NoError(t, err)
	tests := []struct {
		name, host, remote string
		headers            []string
		want               int
	}{
		{"curl on this machine", "127.0.0.1:8080", local, nil, 0},
		{"localhost page", "localhost:8080", local, []string{"Origin", "http://localhost:8080"}, 0},
		{"IPv6 page", "[::1]:8080", "[::1]:4000", []string{"Origin", "http://[::1]:8080"}, 0},
		{"mapped peer", "127.0.0.1:8080", "[::ffff:127.0.0.1]:4000", nil, 0},
		{"other loopback port", "127.0.0.1:8080", local, []string{"Origin", "http://127.0.0.1:8081"}, 403},
		{"other loopback name", "127.0.0.1:8080", local, []string{"Origin", "http://localhost:8080"}, 403},
		{"https origin on a plain port", "127.0.0.1:8080", local, []string{"Origin", "https://127.0.0.1:8080"}, 403},
		{"DNS rebinding onto loopback", "rebind.example:8080", local, []string{"Origin", "http://rebind.example:8080"}, 421},
		{"peer from outside", "127.0.0.1:8080", "192.0.2.1:4000", nil, 403},
		{"unix peer", "localhost", "@", nil, 403},
		{"forwarded", "panel.example", local, []string{"X-Forwarded-For", "192.0.2.1"}, 403},
		{"forwarded under an alias", "127.0.0.1:8080", local, []string{"X_Real.IP", "192.0.2.1"}, 403},
		{"forwarded by RFC 7239", "127.0.0.1:8080", local, []string{"Forwarded", "for=192.0.2.1"}, 403},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			assert.Equal(t, tt.want, status(g.Check(request("GET", tt.host, tt.remote, tt.headers...))))
		})
	}
}

func TestOriginFromProxy(t *testing.T) {
	peer := gate.Peer{Trusted: true, Forwarded: true}
	g, err := gate.New(gate.Config{OriginFromProxy: true, Peer: func(*http.Request) gate.Peer { return peer }})
	require.NoError(t, err)
	good := []string{"X-Forwarded-Proto", "https", "X-Forwarded-For", "192.0.2.1"}
	tests := []struct {
		name, host string
		trusted    bool
		headers    []string
		want       int
	}{
		{"through nginx on 443", "panel.example", true, append([]string{"Origin", "https://panel.example"}, good...), 0},
		{"no origin, plain GET", "panel.example", true, good, 0},
		{"foreign origin", "panel.example", true, append([]string{"Origin", "https://evil.example"}, good...), 403},
		{"origin by http", "panel.example", true, append([]string{"Origin", "http://panel.example"}, good...), 403},
		{"origin with a port", "panel.example", true, append([]string{"Origin", "https://panel.example:8443"}, good...), 403},
		{"host with a port", "panel.example:8443", true, append([]string{"Origin", "https://panel.example:8443"}, good...), 403},
		{"untrusted peer", "panel.example", false, good, 403},
		{"http at the proxy", "panel.example", true, []string{"X-Forwarded-Proto", "http", "X-Forwarded-For", "192.0.2.1"}, 403},
		{"two protos", "panel.example", true, []string{"X-Forwarded-Proto", "https", "X-Forwarded-Proto", "https", "X-Forwarded-For", "192.0.2.1"}, 403},
		{"no address", "panel.example", true, []string{"X-Forwarded-Proto", "https"}, 403},
		{"loopback name through the proxy", "localhost", true, good, 421},
		{"loopback literal through the proxy", "127.0.0.1", true, good, 421},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			peer.Trusted = tt.trusted
			assert.Equal(t, tt.want, status(g.Check(request("GET", tt.host, local, tt.headers...))))
		})
	}
	peer.Trusted = true
	off, err := gate.New(gate.Config{Peer: func(*http.Request) gate.Peer { return peer }})
	require.NoError(t, err)
	assert.Equal(t, 403, status(off.Check(request("GET", "panel.example", local, good...))), "nobody has said that the proxy may name us")
}

func TestAllowNoOrigin(t *testing.T) {
	g, err := gate.New(gate.Config{Origins: []string{"https://panel.example"}, AllowNoOrigin: true})
	require.NoError(t, err)
	assert.Equal(t, 0, status(g.CheckUpgrade(request("GET", "panel.example", local))))
	assert.Equal(t, 403, status(g.CheckUpgrade(request("GET", "panel.example", local, "Origin", "https://evil.example"))))
}

func TestNewNamesEachBadOrigin(t *testing.T) {
	bad := []string{
		"https://ok.example", "panel.example", "https://*.example", "null", "ftp://panel.example", "wss://panel.example",
		"https://panel.example:65536", "https://panel.example:0", "https://[::1%25lo]",
	}
	_, err := gate.New(gate.Config{Origins: bad})
	require.Error(t, err)
	for i := 1; i < len(bad); i++ {
		assert.ErrorContains(t, err, fmt.Sprintf("Origins[%d]", i))
	}
	assert.NotContains(t, err.Error(), "Origins[0]")
}

func TestWrapAnswersWithAProblemDocument(t *testing.T) {
	g, err := gate.New(gate.Config{Origins: []string{"https://panel.example"}})
	require.NoError(t, err)
	called := false
	h := g.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("GET", "evil.example", local))
	assert.False(t, called)
	assert.Equal(t, 421, w.Code)
	assert.Equal(t, "application/problem+json", w.Header().Get("Content-Type"))
	var doc map[string]any
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &doc))
	assert.Equal(t, "urn:pruvon:problem:misdirected", doc["type"])
	assert.NotContains(t, w.Body.String(), "evil.example", "client values are not echoed")
	h.ServeHTTP(httptest.NewRecorder(), request("GET", "panel.example", local))
	assert.True(t, called)
}

// FuzzOrigin holds the parser to a simple oracle: what it accepts, written
// again, is accepted as the same origin, and nothing but scheme, host and port
// ever survives.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"https://a.example", "http://[::1]:80", "null", "https://a@b", "https://a:443", "HTTPS://A.example", "https://a.example/", "https://a:99999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := gate.New(gate.Config{Origins: []string{s}})
		if err != nil {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Origin"] = []string{s}
		r.Host = gate.HostOf(s)
		if err := g.CheckUpgrade(r); err != nil {
			t.Fatalf("%q is accepted as a configured origin and refused as a request's: %v", s, err)
		}
		r.Header["Origin"] = []string{"https://evil.invalid"}
		if s != "https://evil.invalid" && gate.HostOf(s) != "evil.invalid" && g.CheckUpgrade(r) == nil {
			t.Fatalf("%q admits a foreign origin", s)
		}
	})
}
