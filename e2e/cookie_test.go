package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

// cookieJar stands between nginx and the service. It is the login of a host application, and it remembers
// which origins' handshakes came with the session's cookie.
type cookieJar struct {
	mu            sync.Mutex
	with, without map[string]int
}

const sessionCookie = "__Host-session=of-the-operator"

func startCookieJar(t *testing.T, service string) (*cookieJar, string) {
	t.Helper()
	j := &cookieJar{with: map[string]int{}, without: map[string]int{}}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: service})
		r.Out.Host = r.In.Host
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"} {
			if values, ok := r.In.Header[name]; ok {
				r.Out.Header[name] = values
			}
		}
	}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			w.Header().Set("Set-Cookie", sessionCookie+"; Path=/; Secure; HttpOnly; SameSite=Strict")
			return
		}
		if r.Header.Get("Upgrade") == "websocket" {
			j.saw(r.Header.Get("Origin"), strings.Contains(r.Header.Get("Cookie"), sessionCookie))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return j, srv.Listener.Addr().String()
}

func (j *cookieJar) saw(origin string, cookie bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if cookie {
		j.with[origin]++
	} else {
		j.without[origin]++
	}
}

func (j *cookieJar) of(origin string) (with, without int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.with[origin], j.without[origin]
}

// A sibling subdomain is the same site: the browser sends it along even a Strict cookie. Whoever takes the
// cookie for a proof is open to it; we look at the Origin.
func TestStrictCookieGoesWithASiblingsHandshakeAndProvesNothing(t *testing.T) {
	s := &stack{service: run.StartService(t, origins, targets)}
	jar, upstream := startCookieJar(t, s.service.Addr)
	s.nginx = run.StartNginx(t, harness.NginxConfig{Upstream: upstream})
	run.Watch(t)
	v := newVictim(t, s, harness.Origin)
	attacker := run.StartAttacker(t, attackerPage(t))
	browser := run.StartBrowser(t, s.rule(), "MAP *:443 "+attacker.TLS)
	tab := browser.Tab(t)
	tab.Open(harness.Origin + "/login")
	tab.Open(harness.Origin + "/")
	tab.Eval(attackerScript(t))
	if got := attack(t, tab, `({"terminal": attacks.socket(%[1]q, "/terminals/shell", "pruvon.terminal.v1")})`, v.base)["terminal"]; !strings.Contains(got, "OPEN") {
		t.Fatalf("our own page got %q", got)
	}
	if with, _ := jar.of(harness.Origin); with == 0 {
		t.Fatal("our own page's handshake came without the cookie")
	}
	for origin, sent := range map[string]bool{"https://sibling.example.internal": true, "https://evil.test": false} {
		tab := browser.Tab(t)
		tab.Open(origin + "/")
		before := v.effects(t)
		v.expectNothing(t, attack(t, tab, battery, v.base), before)
		with, without := jar.of(origin)
		if with+without == 0 {
			t.Errorf("no handshake of %s arrived", origin)
		}
		if (with > 0) != sent || (without > 0) == sent {
			t.Errorf("%d handshakes of %s came with the cookie and %d without", with, origin, without)
		}
	}
}
