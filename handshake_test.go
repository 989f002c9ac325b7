package pruvon_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/terminal"
)

// handshakes are those that nobody honest sends. A header that is set to nil
// is left out.
var handshakes = []struct {
	name   string
	path   string
	host   string // empty is ours
	header http.Header
	want   int
}{
	{name: "foreign origin", header: http.Header{"Origin": {"https://evil.example"}}, want: 403},
	{name: "no origin", header: http.Header{"Origin": nil}, want: 403},
	{name: "empty origin", header: http.Header{"Origin": {""}}, want: 403},
	{name: "null origin", header: http.Header{"Origin": {"null"}}, want: 403},
	{name: "two origins", header: http.Header{"Origin": {origin, origin}}, want: 403},
	{name: "two origins in one", header: http.Header{"Origin": {origin + ", " + origin}}, want: 403},
	{name: "our name by http", header: http.Header{"Origin": {"http://panel.example"}}, want: 403},
	{name: "our name on another port", header: http.Header{"Origin": {origin + ":8443"}}, want: 403},
	{name: "our name as a user", header: http.Header{"Origin": {origin + "@evil.example"}}, want: 403},
	{name: "our name with a dot", header: http.Header{"Origin": {origin + "."}}, want: 403},
	{name: "our name in front of another", header: http.Header{"Origin": {origin + ".evil.example"}}, want: 403},
	{name: "a sibling", header: http.Header{"Origin": {"https://x.panel.example"}, "Sec-Fetch-Site": {"same-site"}}, want: 403},
	{name: "another site by the browser's word", header: http.Header{"Sec-Fetch-Site": {"cross-site"}}, want: 403},
	{name: "foreign host", host: "evil.example", header: http.Header{"Origin": {"https://evil.example"}}, want: 421},
	{name: "the upstream's host", host: "127.0.0.1:8080", want: 421},
	{name: "host with a dot", host: "panel.example.", want: 421},
	{name: "version 8", header: http.Header{"Sec-Websocket-Version": {"8"}}, want: 426},
	{name: "no version", header: http.Header{"Sec-Websocket-Version": nil}, want: 426},
	{name: "no upgrade", header: http.Header{"Upgrade": nil}, want: 426},
	{name: "connection without upgrade", header: http.Header{"Connection": {"keep-alive"}}, want: 426},
	{name: "no key", header: http.Header{"Sec-Websocket-Key": nil}, want: 400},
	{name: "short key", header: http.Header{"Sec-Websocket-Key": {"AAAA"}}, want: 400},
	{name: "key that is no base64", header: http.Header{"Sec-Websocket-Key": {"!!!!!!!!!!!!!!!!!!!!!!=="}}, want: 400},
	{name: "two keys", header: http.Header{"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAA=="}}, want: 400},
	{name: "unknown subprotocol", header: http.Header{"Sec-Websocket-Protocol": {"tty, webtty"}}, want: 400},
	{name: "unknown name", path: "/terminals/none", want: 404},
	{name: "a name with dots", path: "/terminals/..%2fshell", want: 404},
	{name: "a path below", path: "/terminals/shell/x", want: 404},
	{name: "a size that is none", path: "/terminals/shell?cols=1000000", want: 400},
	{name: "an address that is none", header: http.Header{"X-Forwarded-For": {"127.0.0.1, nonsense"}}, want: 400},
	{name: "addresses that disagree", header: http.Header{"X-Real-Ip": {"127.0.0.1"}}, want: 400},
	{name: "nobody", header: http.Header{"X-User": nil}, want: 401},
	{name: "somebody who may not", header: http.Header{"X-User": {"mallory"}}, want: 403},
	{name: "over the cap", want: 503},
}

// fortress is an App whose only place is taken, behind a real listener.
type fortress struct {
	url     string
	client  *http.Client
	spawned atomic.Int64
}

func newFortress(t testing.TB) *fortress {
	t.Helper()
	f := &fortress{}
	app, err := pruvon.New(pruvon.Config{
		Origins: []string{origin},
		Authorize: func(r *http.Request, _ pruvon.Resource) (pruvon.Access, error) {
			switch r.Header.Get("X-User") {
			case "":
				return pruvon.Access{}, pruvon.ErrUnauthenticated
			case "mallory":
				return pruvon.Access{}, pruvon.ErrDenied
			}
			return pruvon.Access{User: "ann"}, nil
		},
		Logger: slog.New(slog.DiscardHandler),
		Audit:  func(context.Context, pruvon.Event) {},
		Terminal: &terminal.Config{Limits: terminal.Limits{Total: 1}, Terminals: map[string]terminal.Terminal{
			"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
				f.spawned.Add(1)
				return exec.Command("cat"), nil
			}},
		}},
	})
	require.NoError(t, err)
	srv := httptest.NewServer(app)
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	f.url, f.client = srv.URL, &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		assert.NoError(t, app.Shutdown(ctx))
		srv.Close()
	})
	req := f.request(t, "/terminals/shell", "", nil)
	ws, _, err := websocket.Dial(context.Background(), f.url+"/terminals/shell",
		&websocket.DialOptions{HTTPClient: f.client, Host: req.Host, HTTPHeader: req.Header})
	require.NoError(t, err)
	t.Cleanup(func() { _ = ws.CloseNow() })
	require.Eventually(t, func() bool { return f.spawned.Load() == 1 }, 20*time.Second, time.Millisecond)
	return f
}

// request is a good handshake of ann's, with some headers replaced.
func (f *fortress) request(t testing.TB, path, host string, change http.Header) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, f.url+path, nil)
	require.NoError(t, err)
	req.Host = host
	if host == "" {
		req.Host = "panel.example"
	}
	req.Header = http.Header{
		"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Origin": {origin}, "X-User": {"ann"},
		"Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="},
		"X-Forwarded-For": {"192.0.2.7"}, "X-Real-Ip": {"192.0.2.7"},
	}
	for name, values := range change {
		if values == nil {
			delete(req.Header, name)
			continue
		}
		req.Header[name] = values
	}
	return req
}

// knock makes the i-th handshake.
func (f *fortress) knock(t testing.TB, i int) {
	h := handshakes[i%len(handshakes)]
	path := h.path
	if path == "" {
		path = "/terminals/shell"
	}
	res, err := f.client.Do(f.request(t, path, h.host, h.header))
	if err != nil {
		t.Errorf("%s: a refusal without an answer: %v", h.name, err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != h.want || res.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %s (%v), want %d and a problem document", h.name, res.StatusCode, body, err, h.want)
	}
	if h.want == http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "" {
		t.Errorf("%s: no Retry-After", h.name)
	}
}

// Thousands of them start nothing, leave nothing in memory, and each one is
// told why.
func TestHostileHandshakesStartAndKeepNothing(t *testing.T) {
	n := 1000
	if os.Getenv("PRUVON_FULL") == "1" {
		n = 10_000
	}
	f := newFortress(t)
	round := func(n int) {
		var next atomic.Int64
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for i := next.Add(1); i <= int64(n); i = next.Add(1) {
					f.knock(t, int(i))
				}
			})
		}
		wg.Wait()
	}
	heap := func() int64 {
		f.client.CloseIdleConnections()
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	round(2 * len(handshakes))
	before := heap()
	round(n)
	grown := heap() - before
	t.Logf("%d handshakes, %+d KiB", n, grown>>10)
	assert.EqualValues(t, 1, f.spawned.Load(), "processes were started")
	assert.LessOrEqual(t, grown, int64(5<<20), "bytes of memory")
}

// BenchmarkHostileHandshake is what a refusal costs, beside the cheapest
// answer that there is.
func BenchmarkHostileHandshake(b *testing.B) {
	f := newFortress(b)
	healthz := func(int) {
		res, err := f.client.Get(f.url + "/healthz")
		require.NoError(b, err)
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
	}
	for name, do := range map[string]func(int){"refused": func(i int) { f.knock(b, i) }, "healthz": healthz} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				began := time.Now()
				do(i)
				took = append(took, time.Since(began))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
