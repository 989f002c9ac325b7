package wsconn_test

import (
	"encoding/base64"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/wsconn"
)

// FuzzHandshake: no handshake passes that lacks anything. The recorder hides a
// connection, so whatever passes every check of the request ends in 500.
func FuzzHandshake(f *testing.F) {
	f.Add("websocket", "keep-alive, Upgrade", "13", key, "")
	f.Add("WebSocket, h2c", "upgrade", "13", key, "zzz, a.v1")
	f.Add("websocket/13", "close", "013", "=====", "A.V1")
	f.Add(" ,\t", ",", "13, 8", key+" ", ",")
	names := regexp.MustCompile(`(?i)(^|[, \t])websocket([, \t]|$)`)
	f.Fuzz(func(t *testing.T, upgrade, connection, version, key, protocol string) {
		r := httptest.NewRequest("GET", "/", nil)
		for name, value := range map[string]string{
			"Upgrade": upgrade, "Connection": connection, "Sec-Websocket-Version": version,
			"Sec-Websocket-Key": key, "Sec-Websocket-Protocol": protocol,
		} {
			r.Header[name] = []string{value}
		}
		w := httptest.NewRecorder()
		p := wsconn.CheckRequest(w, r, opts)
		require.NotNil(t, p)
		p.Write(w, r)
		switch p.Status {
		case 400, 426:
			return
		case 500:
		default:
			t.Fatalf("status %d", p.Status)
		}
		require.Regexp(t, names, upgrade)
		require.Contains(t, strings.ToLower(connection), "upgrade")
		require.Equal(t, "13", version)
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(key))
		require.NoError(t, err)
		require.Len(t, raw, 16)
		if strings.Trim(protocol, " \t,") != "" {
			require.Contains(t, protocol, "a.v1")
		}
	})
}
