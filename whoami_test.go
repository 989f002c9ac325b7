package pruvon_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon"
)

// FuzzWhoami: what /whoami repeats of the request cannot become anything but
// text, and the address that it names is never one that the client made up:
// nginx's is the rightmost.
func FuzzWhoami(f *testing.F) {
	for _, s := range []string{"", "127.0.0.1", "203.0.113.9, ", "<script>alert(1)</script>", "for=1.2.3.4", "\x1b[31m", "\xff", strings.Repeat("1.1.1.1,", 30)} {
		f.Add(s)
	}
	cfg := pruvon.Config{Origins: []string{origin}, Authorize: allow, Terminal: catTerminal("")}
	app, err := pruvon.New(cfg)
	require.NoError(f, err)
	f.Cleanup(func() { _ = app.Shutdown(context.Background()) })
	f.Fuzz(func(t *testing.T, text string) {
		w := ask(app, "GET", "/whoami", "X-Forwarded-For", text+", 192.0.2.7", "True-Client-IP", text, "Forwarded", text, "X_Forwarded_Host", text)
		require.Equal(t, 200, w.Code, w.Body.String())
		var answer struct{ Addr netip.Addr }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		require.Equal(t, netip.MustParseAddr("192.0.2.7"), answer.Addr)
		require.NotContains(t, w.Body.String(), "<")
		for _, c := range w.Body.Bytes() {
			require.True(t, c >= ' ' || c == '\n', "a control character")
		}
	})
}
