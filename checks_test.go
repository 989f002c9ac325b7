package pruvon_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/ipfilter"
	"github.com/pruvon/pruvon/logs"
)

// A link on another site may lead to the page, and to nothing else.
func TestNavigationFromOtherSitesReachesThePageOnly(t *testing.T) {
	app := start(t, full(t))
	link := []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	assert.Equal(t, 200, ask(app, "GET", "/", link...).Code)
	for _, p := range []string{"/whoami", "/terminals", "/logs", "/logs/a", "/imports", "/imports/lines", "/assets/terminal.js"} {
		assert.Equal(t, 403, ask(app, "GET", p, link...).Code, p)
	}
}

// Without origins, what a proxy says is only as good as the proxy.
func TestOriginFromProxyBelievesATrustedProxyOnly(t *testing.T) {
	cfg := full(t)
	cfg.Origins, cfg.OriginFromProxy = nil, true
	app := start(t, cfg)
	from := func(peer string, local int, headers ...string) int {
		r := httptest.NewRequest("GET", "/terminals", nil)
		r.Host, r.RemoteAddr = "panel.example", peer
		r.Header.Set("X-Forwarded-For", "192.0.2.7")
		r.Header.Set("X-Forwarded-Proto", "https")
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		if host := r.Header.Get("Host"); host != "" {
			r.Host = host
			r.Header.Del("Host")
		}
		ctx := context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: local})
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r.WithContext(ctx))
		return w.Code
	}
	assert.Equal(t, 200, from("127.0.0.1:4000", 8080))
	assert.Equal(t, 403, from("192.0.2.9:4000", 8080), "anybody can write these headers")
	assert.Equal(t, 403, from("127.0.0.1:4000", 443), "browsers reach this port without a proxy")
	assert.Equal(t, 403, from("127.0.0.1:4000", 80), "browsers reach this port without a proxy")
	assert.Equal(t, 421, from("127.0.0.1:4000", 8080, "Host", "127.0.0.1"), "a forwarded request is no direct one")
}

// An address that is taken off the list loses the stream that it has.
func TestStreamsEndWhenTheirAddressIsTakenOffTheList(t *testing.T) {
	list := filepath.Join(t.TempDir(), "allowlist.conf")
	require.NoError(t, os.WriteFile(list, []byte("allow 192.0.2.0/24;\n"), 0o600))
	cfg := full(t)
	cfg.Filter = &ipfilter.Config{File: list}
	cfg.Revalidate = 10 * time.Millisecond
	srv := httptest.NewServer(start(t, cfg))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, srv.URL+"/logs/a", &websocket.DialOptions{
		Host: "panel.example", Subprotocols: []string{logs.Subprotocol},
		HTTPHeader: http.Header{"Origin": {origin}, "X-Forwarded-For": {"192.0.2.7"}},
	})
	require.NoError(t, err)
	defer func() { _ = ws.CloseNow() }()
	require.NoError(t, os.WriteFile(list, []byte("deny all;\n"), 0o600))
	for err == nil {
		_, _, err = ws.Read(ctx)
	}
	assert.Equal(t, websocket.StatusPolicyViolation, websocket.CloseStatus(err), "%v", err)
}

// texts keeps every string that is logged.
type texts struct {
	mu   sync.Mutex
	seen []string
}

func (l *texts) Enabled(context.Context, slog.Level) bool { return true }
func (l *texts) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l *texts) WithGroup(string) slog.Handler            { return l }

func (l *texts) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.Attrs(func(a slog.Attr) bool {
		l.seen = append(l.seen, a.Value.String())
		return true
	})
	return nil
}

// Whoever reads the log in a terminal must not be at the client's mercy.
func TestRefusalsLogNothingThatAClientWroteAsItWroteIt(t *testing.T) {
	cfg := full(t)
	log := &texts{}
	cfg.Logger = slog.New(log)
	app := start(t, cfg)
	evil := "\x1b]0;owned\a\x1b[2J\n2026-11-25 all is well"
	ask(app, "GET", "/", "Host", "evil"+evil)
	ask(app, "GET", "/", "Origin", evil+strings.Repeat("x", 10_000))
	require.NotEmpty(t, log.seen)
	for _, s := range log.seen {
		assert.NotContains(t, s, "\x1b")
		assert.NotContains(t, s, "\n")
		assert.Less(t, len(s), 1000)
	}
}

// A faulty filter is found before anything has been started.
func TestValidateSeesTheFilter(t *testing.T) {
	cfg := full(t)
	cfg.Filter = &ipfilter.Config{File: "x", Rules: ipfilter.Rules{}}
	assert.ErrorContains(t, cfg.Validate(), "Filter.")
	cfg.Filter = &ipfilter.Config{ClientIP: func(*http.Request) (a netip.Addr, err error) { return a, pruvon.ErrDenied }}
	assert.ErrorContains(t, cfg.Validate(), "Filter.ClientIP: must be empty")
}
