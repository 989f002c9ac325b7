package proxyhdr_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

// handled returns the request that the handler behind Wrap saw, or nil.
func handled(rs *proxyhdr.Resolver, r *http.Request) (*http.Request, *httptest.ResponseRecorder) {
	var saw *http.Request
	rec := httptest.NewRecorder()
	rs.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { saw = r })).ServeHTTP(rec, r)
	return saw, rec
}

func request(remote string, header http.Header) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "http://app.example/path", nil)
	r.RemoteAddr, r.Header = remote, header
	return r
}

// everything is one of each forwarding field, and some that are none.
func everything() http.Header {
	h := http.Header{"Accept": {"text/html"}, "Cookie": {"a=b"}, "X-Remote-User": {"ann"}, "Via": {"1.1 edge"}, "Forward": {"x"}}
	for _, name := range []string{
		"X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
		"X-Forwarded-Ssl", "X-Forwarded-Uri", "X-Forwarded-Anything", "X-Forwarded", "Forwarded", "Forwarded-For",
		"True-Client-Ip", "Cf-Connecting-Ip", "Cf-Connecting-Ipv6", "Client-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "Fastly-Client-Ip",
		"X-Original-Url", "X-Rewrite-Url", "X-Original-Forwarded-For", "X-Original-Host", "Front-End-Https", "X-Url-Scheme",
		"X_Forwarded_For", "x_real_ip", "X.Forwarded.Proto", "x-forwarded-for", "X-Forwarded_Host", "Remote_addr",
		"X-Appengine-User-Ip", "Fly-Client-Ip", "X-Azure-Clientip", "X-Envoy-External-Address", "Wl-Proxy-Client-Ip",
	} {
		h[name] = []string{"198.51.100.9"}
	}
	return h
}

func names(h http.Header) []string {
	var out []string
	for name := range h {
		out = append(out, name)
	}
	return out
}

func TestWrapRemovesWhatIsNotBelieved(t *testing.T) {
	others := []string{"Accept", "Cookie", "X-Remote-User", "Via", "Forward"}
	withHost := proxyhdr.Nginx()
	withHost.ForwardedHost = true
	for _, tt := range []struct {
		name   string
		cfg    proxyhdr.Config
		remote string
		kept   []string
	}{
		{"untrusted peer", proxyhdr.Nginx(), "203.0.113.50:1", nil},
		{"nginx", proxyhdr.Nginx(), "127.0.0.1:1", []string{"X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Proto"}},
		{"nginx with host", withHost, "127.0.0.1:1", []string{"X-Forwarded-For", "X-Real-Ip", "X-Forwarded-Proto", "X-Forwarded-Host"}},
		{"without the check", proxyhdr.Config{Trusted: proxyhdr.Loopback()}, "127.0.0.1:1", []string{"X-Forwarded-For", "X-Forwarded-Proto"}},
		{"X-Real-IP", proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.XRealIP}, "127.0.0.1:1", []string{"X-Real-Ip", "X-Forwarded-Proto"}},
		{
			"X-Real-IP with the check",
			proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.XRealIP, CheckRealIP: true},
			"127.0.0.1:1",
			[]string{"X-Real-Ip", "X-Forwarded-For", "X-Forwarded-Proto"},
		},
		{
			"a named header",
			proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Named, HeaderName: "CF-Connecting-IP"},
			"127.0.0.1:1",
			[]string{"Cf-Connecting-Ip", "X-Forwarded-Proto"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.remote, everything())
			saw, rec := handled(newResolver(t, tt.cfg), r)
			require.NotNil(t, saw, rec.Body)
			require.ElementsMatch(t, append(tt.kept, others...), names(saw.Header))

			require.Equal(t, everything(), r.Header, "the caller's request is not changed")
			require.Equal(t, tt.remote, saw.RemoteAddr)
			require.Equal(t, "app.example", saw.Host)
			c, ok := proxyhdr.FromContext(saw.Context())
			require.True(t, ok)
			require.True(t, c.Forwarded)
			_, ok = proxyhdr.FromContext(r.Context())
			require.False(t, ok)
		})
	}

	t.Run("Forwarded", func(t *testing.T) {
		h := everything()
		h["Forwarded"] = []string{"for=198.51.100.9"}
		rs := newResolver(t, proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Forwarded, ForwardedHost: true})
		saw, _ := handled(rs, request("127.0.0.1:1", h))
		require.ElementsMatch(t, append([]string{"Forwarded"}, others...), names(saw.Header))
	})
}

// A named header of the host's own choice is removed as well when it does not come from a proxy.
func TestWrapRemovesTheNamedHeaderOfStrangers(t *testing.T) {
	rs := newResolver(t, proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.Named, HeaderName: "X-Edge-Address"})
	saw, _ := handled(rs, request("203.0.113.50:1", http.Header{"X-Edge-Address": {"10.20.30.5"}}))
	require.Empty(t, saw.Header)
}

func TestDirectRequestsAreKnown(t *testing.T) {
	rs := newResolver(t, proxyhdr.Nginx())
	for name, tt := range map[string]struct {
		header    http.Header
		forwarded bool
	}{
		"browser":       {http.Header{"Accept": {"*/*"}, "Referer": {"x"}, "Authorization": {"y"}, "Priority": {"u=1"}}, false},
		"believed":      {http.Header{"X-Forwarded-For": {"198.51.100.9"}}, true},
		"empty":         {http.Header{"X-Forwarded-For": {""}}, true},
		"not believed":  {http.Header{"X-Forwarded-Host": {"evil"}}, true},
		"another alias": {http.Header{"X_real.ip": {"1"}}, true},
		"Via":           {http.Header{"Via": {"1.1 squid"}}, true},
	} {
		saw, _ := handled(rs, request("127.0.0.1:1", tt.header))
		c, _ := proxyhdr.FromContext(saw.Context())
		require.Equal(t, tt.forwarded, c.Forwarded, name)
		require.Equal(t, tt.forwarded, proxyhdr.IsForwarded(tt.header), name)
		require.True(t, c.PeerTrusted)
	}
}

// Two of them, one inside the other: the inner one still knows what the outer one removed.
func TestWrapTwice(t *testing.T) {
	rs := newResolver(t, proxyhdr.Nginx())
	var saw *http.Request
	inner := rs.Wrap(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { saw = r }))
	rs.Wrap(inner).ServeHTTP(httptest.NewRecorder(), request("127.0.0.1:1", http.Header{"Forwarded": {"for=1.1.1.1"}}))
	c, ok := proxyhdr.FromContext(saw.Context())
	require.True(t, ok)
	require.True(t, c.Forwarded)
	require.Equal(t, []string{"Forwarded"}, rs.Explain(saw).Ignored)
}

func TestWrapRefuses(t *testing.T) {
	const secret = "\x1b[31mevil-\"text\"-10.20.30.5"
	var log bytes.Buffer
	cfg := proxyhdr.Nginx()
	cfg.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		r := request("127.0.0.1:1", http.Header{"X-Forwarded-For": {"1.2.3.4, " + secret}})
		r.Method = method
		saw, rec := handled(newResolver(t, cfg), r)
		require.Nil(t, saw)
		require.Equal(t, http.StatusBadRequest, rec.Code)
		require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"))
		require.Equal(t, "no-store", rec.Header().Get("Cache-Control"))
		require.NotContains(t, rec.Body.String(), "evil")
		if method == http.MethodHead {
			require.Empty(t, rec.Body.String())
			continue
		}
		var problem map[string]any
		require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &problem))
		require.Equal(t, "urn:pruvon:problem:client-address", problem["type"])
		require.EqualValues(t, 400, problem["status"])
	}
	var line map[string]any
	require.NoError(t, json.NewDecoder(&log).Decode(&line))
	require.Equal(t, "WARN", line["level"])
	require.Equal(t, `"\x1b[31mevil-\"text\"-10.20.30.5"`, line["value"], "quoted, in the log only")
	require.Contains(t, line["error"], "malformed element in X-Forwarded-For, element 1 from the right")
}
