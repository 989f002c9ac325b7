package pruvon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/ipfilter"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/terminal"
)

const origin = "https://panel.example"

func allow(*http.Request, pruvon.Resource) (pruvon.Access, error) {
	return pruvon.Access{User: "ann"}, nil
}

// full is a configuration with every part.
func full(t *testing.T) pruvon.Config {
	dir := t.TempDir()
	return pruvon.Config{
		Origins:   []string{origin},
		Authorize: allow,
		Logger:    slog.New(slog.DiscardHandler),
		Terminal:  catTerminal(dir + "/terminal"),
		Logs:      &logs.Config{Sources: map[string]logs.Source{"a": logs.File(dir + "/a.log")}},
		Imports: &imports.Config{Dir: dir + "/imports", Targets: map[string]imports.Target{
			"lines": {Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
				return exec.Command("wc", "-l"), nil
			}, imports.ExitZero)},
		}},
		Page: &pruvon.Page{},
	}
}

// catTerminal is one terminal, "shell", whose state is kept in a directory.
func catTerminal(state string) *terminal.Config {
	return &terminal.Config{StateDir: state, Terminals: map[string]terminal.Terminal{
		"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) { return exec.Command("cat"), nil }},
	}}
}

func start(t *testing.T, cfg pruvon.Config) *pruvon.App {
	t.Helper()
	app, err := pruvon.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		assert.NoError(t, app.Shutdown(ctx))
	})
	return app
}

// ask sends a request as nginx on this machine would, for a client at
// 192.0.2.7. Headers are name, value pairs; Host replaces the host.
func ask(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.Host, r.RemoteAddr = "panel.example", "127.0.0.1:4000"
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	r.Header.Set("X-Real-IP", "192.0.2.7")
	r.Header.Set("X-Forwarded-Proto", "https")
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	app := start(t, full(t))
	tests := []struct {
		path string
		want int
		text string
	}{
		{"/", 200, "<!doctype html>"},
		{"/healthz", 200, `"ok"`},
		{"/whoami", 200, "192.0.2.7"},
		{"/terminals", 200, `"shell"`},
		{"/logs", 200, `"a"`},
		{"/imports", 200, `"lines"`},
		{"/imports/lines", 200, ""},
		{"/assets/terminal.js", 200, "export"},
		{"/assets/logs.js", 200, "export"},
		{"/assets/imports.js", 200, "export"},
		{"/terminals/shell", 426, "WebSocket"},
		{"/terminals/none", 426, "WebSocket"},
		{"/logs/none", 404, "not-found"},
		{"/imports/none", 404, "not-found"},
		{"/terminals/", 404, "not-found"},
		{"/terminals/shell/", 404, "not-found"},
		{"/terminals/shell/x", 404, "not-found"},
		{"/logs/", 404, "not-found"},
		{"/imports/", 404, "not-found"},
		{"/imports/lines/", 404, "not-found"},
		{"/whoami/", 404, "not-found"},
		{"/assets/", 404, ""},
		{"/assets/none.js", 404, ""},
		{"/none", 404, "not-found"},
		{"//", 404, "not-found"},
		{"/terminals/..%2fshell", 404, "not-found"},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			w := ask(app, "GET", tt.path)
			assert.Equal(t, tt.want, w.Code, w.Body.String())
			assert.Contains(t, w.Body.String(), tt.text)
			mounted := ask(http.StripPrefix("/ops", app), "GET", "/ops"+tt.path)
			assert.Equal(t, tt.want, mounted.Code, "below a mount point")
		})
	}
}

func TestEveryRouteButHealthzIsGated(t *testing.T) {
	app := start(t, full(t))
	paths := []string{"/", "/whoami", "/terminals", "/terminals/shell", "/logs", "/logs/a", "/imports", "/imports/lines", "/assets/terminal.js", "/none"}
	for _, p := range paths {
		assert.Equal(t, 421, ask(app, "GET", p, "Host", "evil.example").Code, p)
		assert.Equal(t, 403, ask(app, "GET", p, "Origin", "https://evil.example").Code, p)
		assert.Equal(t, 403, ask(app, "POST", p, "Origin", "https://evil.example").Code, p)
		assert.Equal(t, 400, ask(app, "GET", p, "X-Forwarded-For", "garbage", "X-Real-IP", "garbage").Code, p)
	}
	assert.Equal(t, 200, ask(app, "GET", "/healthz", "Host", "evil.example").Code)
	assert.Equal(t, 405, ask(app, "POST", "/healthz").Code)
	assert.Equal(t, 405, ask(app, "POST", "/whoami").Code)
}

func TestFilterComesBeforeHostAndAuthorize(t *testing.T) {
	rules, err := ipfilter.Parse(strings.NewReader("allow 198.51.100.0/24; deny all;"))
	require.NoError(t, err)
	cfg := full(t)
	asked := 0
	cfg.Authorize = func(*http.Request, pruvon.Resource) (pruvon.Access, error) { asked++; return pruvon.Access{}, nil }
	cfg.Filter = &ipfilter.Config{Rules: rules}
	audited := make(chan pruvon.Event, 16)
	cfg.Audit = func(_ context.Context, e pruvon.Event) { audited <- e }
	app := start(t, cfg)
	assert.Equal(t, 403, ask(app, "GET", "/terminals", "Host", "evil.example").Code)
	denial := <-audited
	assert.Equal(t, "ipfilter", denial.Part)
	assert.Equal(t, "denied", denial.Outcome)
	assert.Contains(t, denial.Detail, `"deny all;"`)
	assert.Zero(t, asked)
	in := []string{"X-Forwarded-For", "198.51.100.1", "X-Real-IP", "198.51.100.1"}
	assert.Equal(t, 200, ask(app, "GET", "/terminals", in...).Code)
	assert.Positive(t, asked)
	// A client-sent header in front changes nothing.
	spoof := []string{"X-Forwarded-For", "198.51.100.1, 192.0.2.7"}
	assert.Equal(t, 403, ask(app, "GET", "/terminals", spoof...).Code)
}

func TestAuthorizeIsAskedForEachPart(t *testing.T) {
	cfg := full(t)
	var verdict error
	var seen []pruvon.Resource
	cfg.Authorize = func(_ *http.Request, res pruvon.Resource) (pruvon.Access, error) {
		seen = append(seen, res)
		return pruvon.Access{User: "ann"}, verdict
	}
	app := start(t, cfg)
	for want, err := range map[int]error{401: pruvon.ErrUnauthenticated, 403: pruvon.ErrDenied, 503: fmt.Errorf("down")} {
		verdict = err
		for _, p := range []string{"/", "/terminals", "/logs", "/imports", "/imports/lines"} {
			assert.Equal(t, want, ask(app, "GET", p).Code, p)
		}
	}
	parts := map[string]bool{}
	for _, res := range seen {
		parts[res.Part] = true
	}
	assert.Equal(t, map[string]bool{"page": true, "terminal": true, "logs": true, "imports": true}, parts)
}

func TestRefusalsAreCountedByReason(t *testing.T) {
	cfg := full(t)
	reg := prometheus.NewRegistry()
	cfg.Registerer = reg
	app := start(t, cfg)
	start(t, func() pruvon.Config { c := full(t); c.Registerer = reg; return c }()) // a second one shares the series
	for i := range 50 {
		ask(app, "GET", fmt.Sprintf("/x%d", i), "Host", fmt.Sprintf("evil%d.example", i))
	}
	ask(app, "GET", "/", "Origin", "https://evil.example")
	want := `
# HELP pruvon_gate_denied_total Requests refused for their Host, Origin, client address or authorization before they reached a part.
# TYPE pruvon_gate_denied_total counter
`
	for reason, n := range map[string]int{
		"authorization-unavailable": 0, "client-address": 0, "cross-site": 0, "denied": 0, "misdirected": 50,
		"origin-denied": 1, "origin-missing": 0, "origin-unknown": 0, "origins-unset": 0, "other": 0, "unauthenticated": 0,
	} {
		want += fmt.Sprintf("pruvon_gate_denied_total{reason=%q} %d\n", reason, n)
	}
	assert.NoError(t, testutil.GatherAndCompare(reg, strings.NewReader(want), "pruvon_gate_denied_total"))
}

func TestWhoamiExplainsTheHops(t *testing.T) {
	app := start(t, full(t))
	w := ask(app, "GET", "/whoami", "X-Forwarded-For", "203.0.113.9, 192.0.2.7", "True-Client-IP", "10.0.0.1")
	var got struct {
		Addr        netip.Addr `json:"addr"`
		PeerTrusted bool       `json:"peer_trusted"`
		Ignored     []string   `json:"ignored"`
		Filter      string     `json:"filter"`
		User        string     `json:"user"`
		Why         string     `json:"why"`
	}
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &got))
	assert.Contains(t, got.Why, "that is not a proxy's is you")
	assert.Equal(t, netip.MustParseAddr("192.0.2.7"), got.Addr)
	assert.True(t, got.PeerTrusted)
	assert.NotEmpty(t, got.Ignored)
	assert.Equal(t, "off", got.Filter)
	assert.Equal(t, "ann", got.User)

	page := ask(app, "GET", "/whoami", "X-Forwarded-For", "203.0.113.9, 192.0.2.7", "True-Client-IP", "10.0.0.1", "Accept", "text/html,*/*")
	assert.Equal(t, "text/html; charset=utf-8", page.Header().Get("Content-Type"))
	assert.Contains(t, page.Header().Get("Content-Security-Policy"), "default-src 'none'")
	for _, want := range []string{"<code>192.0.2.7</code>: you, read from X-Forwarded-For", "a trusted proxy", "<code>True-Client-Ip</code>", got.Why[:30]} {
		assert.Contains(t, page.Body.String(), want)
	}
	forged := ask(app, "GET", "/whoami", "X-Forwarded-For", "192.0.2.7", "Accept", "text/html", "X-Forwarded-<script>", "x")
	assert.NotContains(t, forged.Body.String(), "<script>")
}

func TestValidateJoinsFaultsOfAllParts(t *testing.T) {
	reg := prometheus.NewRegistry()
	cfg := full(t)
	cfg.Registerer = reg
	cfg.Authorize = nil
	cfg.Origins = []string{"panel.example"}
	cfg.Terminal.Terminals = nil
	cfg.Terminal.Origins = []string{origin}
	cfg.Logs.Authorize = allow
	cfg.Imports.Dir = ""
	_, err := pruvon.New(cfg)
	require.Error(t, err)
	for _, want := range []string{"Authorize: required", "Origins[0]", "Terminal.Terminals", "Terminal.Origins: must be empty", "Logs.Authorize: must be empty", "Imports.Dir"} {
		assert.ErrorContains(t, err, want)
	}
	got, err := reg.Gather()
	require.NoError(t, err)
	assert.Empty(t, got, "a metric was registered before everything was validated")
	_, err = pruvon.New(pruvon.Config{Authorize: allow})
	assert.ErrorContains(t, err, "at least one part")
}

func TestPartsThatAreNotMountedAreNotFound(t *testing.T) {
	cfg := full(t)
	cfg.Logs, cfg.Imports, cfg.Page = nil, nil, nil
	app := start(t, cfg)
	for _, p := range []string{"/", "/logs", "/logs/a", "/imports", "/imports/lines"} {
		assert.Equal(t, 404, ask(app, "GET", p).Code, p)
	}
	assert.Equal(t, 200, ask(app, "GET", "/terminals").Code)
}

func TestRequestsAfterShutdownAreRefused(t *testing.T) {
	app, err := pruvon.New(full(t))
	require.NoError(t, err)
	srv := httptest.NewServer(app)
	defer srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, app.Shutdown(ctx))
	require.NoError(t, app.Shutdown(ctx), "a second Shutdown is harmless")
	req, err := http.NewRequest("POST", srv.URL+"/imports/lines", strings.NewReader("x"))
	require.NoError(t, err)
	req.Host = "panel.example"
	req.Header.Set("X-Forwarded-For", "192.0.2.7")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	assert.Equal(t, 503, res.StatusCode)
}
