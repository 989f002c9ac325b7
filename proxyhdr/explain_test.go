package proxyhdr_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/proxyhdr"
	"github.com/stretchr/testify/require"
)

func TestExplainReasons(t *testing.T) {
	nginx := proxyhdr.Nginx()
	xri := proxyhdr.Config{Trusted: proxyhdr.Loopback(), Header: proxyhdr.XRealIP}
	xff := func(v string) http.Header { return http.Header{"X-Forwarded-For": {v}} }
	for _, tt := range []struct {
		cfg       proxyhdr.Config
		remote    string
		header    http.Header
		want      proxyhdr.Reason
		decisions string
	}{
		{nginx, "203.0.113.50:1", xff("1.1.1.1"), proxyhdr.ReasonDirect, ""},
		{nginx, "127.0.0.1:1", nil, proxyhdr.ReasonNoHeader, ""},
		{nginx, "127.0.0.1:1", xff(", ,"), proxyhdr.ReasonNoHeader, ""},
		{nginx, "127.0.0.1:1", xff("9.9.9.9, 1.1.1.1, 127.0.0.1"), proxyhdr.ReasonWalked, "skipped client"},
		{nginx, "127.0.0.1:1", xff("::1, 127.0.0.1"), proxyhdr.ReasonAllTrusted, "skipped client"},
		{xri, "127.0.0.1:1", http.Header{"X-Real-Ip": {"1.1.1.1"}}, proxyhdr.ReasonSingle, "client"},
		{xri, "127.0.0.1:1", http.Header{"X-Real-Ip": {"127.0.0.1"}}, proxyhdr.ReasonSingle, "client"},
		{nginx, "@", nil, proxyhdr.ReasonPeer, ""},
		{nginx, "127.0.0.1:1", xff("1.1.1.1, x, 127.0.0.1"), proxyhdr.ReasonMalformed, "skipped refused"},
		{nginx, "127.0.0.1:1", xff("unknown"), proxyhdr.ReasonNoAddress, "refused"},
		{nginx, "127.0.0.1:1", xff(strings.Repeat("127.0.0.1,", 17)), proxyhdr.ReasonTooLong, strings.Repeat("skipped ", 16) + "refused"},
		{nginx, "127.0.0.1:1", http.Header{"X-Forwarded-For": {"1.1.1.1"}, "X-Real-Ip": {"2.2.2.2"}}, proxyhdr.ReasonConflict, "skipped"},
	} {
		t.Run(string(tt.want), func(t *testing.T) {
			rs := newResolver(t, tt.cfg)
			r := request(tt.remote, tt.header)
			ex := rs.Explain(r)
			require.Equal(t, tt.want, ex.Reason)
			var decisions []string
			for _, hop := range ex.Hops {
				decisions = append(decisions, hop.Decision)
			}
			require.Equal(t, tt.decisions, strings.Join(decisions, " "))
			c, err := rs.Resolve(r)
			require.Equal(t, c.Addr, ex.Addr)
			require.Equal(t, err != nil, ex.Error != "")
			require.Equal(t, c.PeerTrusted, ex.PeerTrusted)
		})
	}
}

func TestExplainBehindWrap(t *testing.T) {
	rs := newResolver(t, proxyhdr.Nginx())
	saw, _ := handled(rs, request("127.0.0.1:4711", http.Header{
		"X-Forwarded-For": {"10.20.30.5, 198.51.100.9"}, "X-Real-Ip": {"198.51.100.9"}, "X-Forwarded-Proto": {"https"},
		"True-Client-Ip": {"10.20.30.5"}, "X-Forwarded-Host": {"evil.example"},
	}))
	text, err := json.Marshal(rs.Explain(saw))
	require.NoError(t, err)
	require.JSONEq(t, `{
		"addr": "198.51.100.9", "peer": "127.0.0.1", "peer_trusted": true, "from_header": true, "forwarded": true,
		"scheme": "https", "host": "app.example", "header": "X-Forwarded-For", "reason": "walked",
		"hops": [{"text": "198.51.100.9", "addr": "198.51.100.9", "trusted": false, "decision": "client"}],
		"ignored": ["True-Client-Ip", "X-Forwarded-Host"]
	}`, string(text))
}

func TestExplainWithoutAnAddress(t *testing.T) {
	ex := newResolver(t, proxyhdr.Nginx()).Explain(request("127.0.0.1:1", http.Header{"X-Forwarded-For": {strings.Repeat("x", 1000)}}))
	require.Len(t, ex.Hops, 1)
	require.Len(t, ex.Hops[0].Text, 64)
	text, err := json.Marshal(ex)
	require.NoError(t, err)
	require.NotContains(t, string(text), `"addr"`)
	require.Contains(t, string(text), `"ignored":[]`)
}
