package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/pruvon/pruvon/e2e/harness"
)

// secret stands in the log that hostile pages try to read.
const secret = "the-secret-of-the-log"

// battery is the list of attacks that a page runs against a base address, as a JavaScript object of
// promises. "read own" is what rebinding makes possible: reading an answer of the same origin.
const battery = `({
	"terminal": attacks.socket(%[1]q, "/terminals/shell", "pruvon.terminal.v1"),
	"raw terminal": attacks.socket(%[1]q, "/terminals/shell"),
	"log socket": attacks.socket(%[1]q, "/logs/app", "pruvon.logs.v1"),
	"raw log socket": attacks.socket(%[1]q, "/logs/app"),
	"import events": attacks.socket(%[1]q, "/imports/count/x/events", "pruvon.imports.v1"),
	"socket in a worker": attacks.worker(%[1]q, "/terminals/shell", "pruvon.terminal.v1"),
	"log events": attacks.events(%[1]q, "/logs/app"),
	"read a log": attacks.read(%[1]q, "/logs/app?follow=0"),
	"read a log, no-cors": attacks.read(%[1]q, "/logs/app?follow=0", "no-cors"),
	"read the list": attacks.read(%[1]q, "/terminals"),
	"read the page": attacks.read(%[1]q, "/"),
	"post an import": attacks.post(%[1]q, "/imports/count", "application/octet-stream"),
	"post text": attacks.post(%[1]q, "/imports/count", "text/plain"),
	"beacon": attacks.beacon(%[1]q, "/imports/count"),
	"multipart form": attacks.form(%[1]q, "/imports/count", "multipart/form-data"),
	"plain form": attacks.form(%[1]q, "/imports/count", "text/plain"),
	"log as a script": attacks.script(%[1]q, "/logs/app?follow=0"),
	"list as a script": attacks.script(%[1]q, "/terminals"),
	"popup": attacks.popup(%[1]q, "/logs/app?follow=0"),
})`

// framed are the attacks from an opaque origin, whose Origin header is "null".
const framed = `({
	"terminal from a sandbox": inFrame("sandbox", "socket", %[1]q, "/terminals/shell", "pruvon.terminal.v1"),
	"log from a sandbox": inFrame("sandbox", "read", %[1]q, "/logs/app?follow=0"),
	"import from a sandbox": inFrame("sandbox", "post", %[1]q, "/imports/count", "text/plain"),
	"form from a sandbox": inFrame("sandbox", "form", %[1]q, "/imports/count", "text/plain"),
	"terminal from a data URL": inFrame("data", "socket", %[1]q, "/terminals/shell", "pruvon.terminal.v1"),
	"events from a data URL": inFrame("data", "events", %[1]q, "/logs/app"),
})`

// attack runs a battery in a tab and returns what each attack got hold of.
func attack(t *testing.T, tab *harness.Tab, battery, base string) map[string]string {
	t.Helper()
	text := tab.Eval(`(async () => {
		const loot = {};
		await Promise.all(Object.entries(` + fmt.Sprintf(battery, base) + `).map(async ([name, got]) => { loot[name] = await got; }));
		return JSON.stringify(loot);
	})()`)
	var loot map[string]string
	if err := json.Unmarshal([]byte(text), &loot); err != nil {
		t.Fatal(err)
	}
	return loot
}

// victim is a service under attack, and what can be counted on its side.
type victim struct {
	*stack
	base string // as browsers address it
}

func newVictim(t *testing.T, s *stack, base string) *victim {
	t.Helper()
	appendLine(t, filepath.Join(s.service.Dir, "app.log"), secret)
	return &victim{stack: s, base: base}
}

// effects is everything that must stay as it is while nothing gets in.
type effects struct {
	Spawned, Attachments, LogBytes, Imports float64
	Switched                                int // handshakes that nginx has seen answered with 101
	Audit                                   string
}

func (v *victim) effects(t *testing.T) effects {
	t.Helper()
	page := harness.Scrape(t, v.service.Addr)
	metric := func(name string) float64 {
		t.Helper()
		value, ok := harness.Metric(page, name)
		if !ok {
			t.Fatalf("there is no metric %s", name)
		}
		return value
	}
	return effects{
		Spawned:     metric("pruvon_terminal_spawn_seconds_count"),
		Attachments: metric("pruvon_terminal_attachments"),
		LogBytes:    metric("pruvon_logs_sent_bytes_total"),
		Imports:     metric("pruvon_imports_received_bytes_total"),
		Switched:    len(v.requests(t, `" 101 `)),
		Audit:       admitted(v.service.Activity()),
	}
}

// requests are the lines of nginx's access log that contain a text.
func (v *victim) requests(t *testing.T, text string) []string {
	t.Helper()
	access, err := os.ReadFile(filepath.Join(v.nginx.Dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for line := range strings.Lines(string(access)) {
		if strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}

// admitted is the audit log without its refusals.
func admitted(activity string) string {
	var kept strings.Builder
	for line := range strings.Lines(activity) {
		if !strings.Contains(line, `"denied"`) {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// expectNothing checks the loot of a battery and that the victim has noticed no visitor.
func (v *victim) expectNothing(t *testing.T, loot map[string]string, before effects) {
	t.Helper()
	for name, got := range loot {
		for _, bad := range []string{"OPEN", "EVENT", "SCRIPT", secret, `"terminals"`} {
			if strings.Contains(got, bad) {
				t.Errorf("%s got %q", name, got)
			}
		}
	}
	if after := v.effects(t); after != before {
		t.Errorf("the service has noticed the attacks:\n%+v\nbefore:\n%+v", after, before)
	}
}

// The attacks work: a server that checks nothing is open to every page. Without this, a typo in the
// attacking page would look like a defence.
func TestAttacksWorkAgainstAServerWithoutChecks(t *testing.T) {
	careless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Upgrade") == "websocket":
			c, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, Subprotocols: r.Header["Sec-Websocket-Protocol"]})
			if err != nil {
				return
			}
			_ = c.Write(r.Context(), websocket.MessageText, []byte(secret))
			_, _, _ = c.Read(r.Context())
			_ = c.CloseNow()
		default:
			_, _ = io.WriteString(w, secret)
		}
	}))
	t.Cleanup(careless.Close)
	s := &stack{nginx: run.StartNginx(t, harness.NginxConfig{Upstream: careless.Listener.Addr().String()})}
	attacker := run.StartAttacker(t, attackerPage(t))
	tab := run.StartBrowser(t, s.rule(), "MAP *:443 "+attacker.TLS).Tab(t)
	tab.Open("https://evil.test/")
	for _, list := range []string{battery, framed} {
		loot := attack(t, tab, list, harness.Origin)
		for name, want := range map[string]string{
			"terminal": secret, "raw terminal": secret, "log socket": secret, "raw log socket": secret, "import events": secret,
			"socket in a worker": secret, "log as a script": "SCRIPT", "list as a script": "SCRIPT",
			"terminal from a sandbox": secret, "terminal from a data URL": secret,
		} {
			if got, tried := loot[name]; tried && !strings.Contains(got, want) {
				t.Errorf("%s got %q, want %q in it", name, got, want)
			}
		}
	}
}

// And from the service's own origin they open what they ask for, and the service's counters see it.
func TestAttacksWorkFromTheOwnOrigin(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	v := newVictim(t, s, harness.Origin)
	tab := run.StartBrowser(t, s.rule()).Tab(t)
	tab.Open(v.base + "/")
	tab.Eval(attackerScript(t))
	loot := attack(t, tab, battery, v.base)
	for name, want := range map[string]string{
		"terminal": "OPEN", "raw terminal": "OPEN", "log socket": secret, "raw log socket": secret, "log events": "EVENT",
		"read a log": secret, "read the list": `"terminals"`, "read the page": "<html",
	} {
		if !strings.Contains(loot[name], want) {
			t.Errorf("%s got %q, want %q in it", name, loot[name], want)
		}
	}
	if after := v.effects(t); after.Spawned < 2 || after.LogBytes == 0 || after.Imports == 0 || after.Switched < 4 {
		t.Errorf("the service has not noticed: %+v", after)
	}
}

// attackerScript is the script of the attacking page, for a page that did not load it.
func attackerScript(t *testing.T) string {
	t.Helper()
	page := string(attackerPage(t))
	_, script, _ := strings.Cut(page, "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	return "(() => {" + script + "\nObject.assign(globalThis, {attacks, inFrame}); })()"
}

func attackerPage(t *testing.T) []byte {
	t.Helper()
	page, err := os.ReadFile("testdata/attacker.html")
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// The operator's own browser is inside the allowlist, and any page that it visits can send requests to
// Pruvon. None of them gets through, whatever name the page has.
func TestHostilePagesThroughNginx(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	v := newVictim(t, s, harness.Origin)
	attacker := run.StartAttacker(t, attackerPage(t))
	browser := run.StartBrowser(t, s.rule(),
		"MAP *:443 "+attacker.TLS, "MAP *:80 "+attacker.Plain, "MAP *:8443 "+attacker.TLS)
	for _, page := range []struct{ name, url string }{
		{"another site", "https://evil.test/"},
		{"another site without TLS", "http://evil.test/"},
		{"a sibling name", "https://sibling.example.internal/"},
		{"a parent name", "https://example.internal/"},
		{"our name on another port", harness.Origin + ":8443/"},
		{"our name without TLS", "http://" + harness.ServerName + "/"},
		{"our name with a dot", "http://" + harness.ServerName + "./"},
		{"our name in front of another", "https://" + harness.ServerName + ".evil.test/"},
	} {
		t.Run(page.name, func(t *testing.T) {
			tab := browser.Tab(t)
			tab.Open(page.url)
			before := v.effects(t)
			v.expectNothing(t, attack(t, tab, battery, v.base), before)
		})
	}
	t.Run("opaque origins", func(t *testing.T) {
		tab := browser.Tab(t)
		tab.Open("https://evil.test/")
		before := v.effects(t)
		v.expectNothing(t, attack(t, tab, framed, v.base), before)
	})
	t.Run("a page that embeds ours", func(t *testing.T) {
		tab := browser.Tab(t)
		tab.Open("https://evil.test/")
		before := len(v.requests(t, " /assets/"))
		tab.Eval(`new Promise(loaded => {
			const frame = document.createElement("iframe");
			frame.onload = loaded;
			frame.src = "` + v.base + `/?framed";
			document.documentElement.append(frame);
		})`)
		if asked := v.requests(t, "/?framed"); len(asked) != 1 || !strings.Contains(asked[0], `" 403 `) {
			t.Errorf("the frame was answered with %q, want one 403", asked)
		}
		if after := len(v.requests(t, " /assets/")); after != before {
			t.Errorf("the framed page was drawn: it asked for %d files", after-before)
		}
	})
}

// DNS rebinding: the page's own name is pointed at Pruvon after it was loaded. Origin and Host then
// agree, and the browser calls the requests same-origin.
func TestReboundNames(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	direct := start(t, "", targets, harness.NginxConfig{})
	attacker := run.StartAttacker(t, attackerPage(t))
	secure, plain := harness.StartRebinder(t, attacker.TLS), harness.StartRebinder(t, attacker.Plain)
	browser := run.StartBrowser(t, "MAP rebind.test:443 "+secure.Addr, "MAP rebind.test:80 "+plain.Addr)
	for _, c := range []struct {
		name, base string
		victim     *victim
		rebinder   *harness.Rebinder
		target     string
	}{
		{"to nginx", "https://rebind.test", newVictim(t, s, ""), secure, s.nginx.Addr},
		{"to the loopback port of a service with origins", "http://rebind.test", newVictim(t, s, ""), plain, s.service.Addr},
		{"to the loopback port of a service without origins", "http://rebind.test", newVictim(t, direct, ""), plain, direct.service.Addr},
	} {
		t.Run(c.name, func(t *testing.T) {
			from := map[*harness.Rebinder]string{secure: attacker.TLS, plain: attacker.Plain}[c.rebinder]
			c.rebinder.Rebind(from)
			tab := browser.Tab(t)
			tab.Open(c.base + "/")
			c.rebinder.Rebind(c.target)
			before := c.victim.effects(t)
			loot := attack(t, tab, battery, c.base)
			c.victim.expectNothing(t, loot, before)
			if !strings.Contains(loot["read a log"], "urn:pruvon:problem:misdirected") {
				t.Errorf("the rebound name did not reach the service: %q", loot["read a log"])
			}
		})
	}
}

// Any page in a browser on the same machine reaches the loopback port as well.
func TestHostilePagesToTheLoopbackPort(t *testing.T) {
	for name, pruvon := range map[string]string{"with origins": origins, "without origins": ""} {
		t.Run(name, func(t *testing.T) {
			s := start(t, pruvon, targets, harness.NginxConfig{})
			v := newVictim(t, s, "http://"+s.service.Addr)
			attacker := run.StartAttacker(t, attackerPage(t))
			browser := run.StartBrowser(t, "MAP evil.test:80 "+attacker.Plain, "MAP *.example.internal:443 "+attacker.TLS)
			for _, url := range []string{
				"http://evil.test/",
				"http://" + attacker.Plain + "/",
				strings.Replace("http://"+attacker.Plain+"/", "127.0.0.1", "localhost", 1),
				"https://sibling.example.internal/",
			} {
				tab := browser.Tab(t)
				tab.Open(url)
				before := v.effects(t)
				v.expectNothing(t, attack(t, tab, battery, v.base), before)
				if !strings.HasPrefix(url, "https") {
					v.expectNothing(t, attack(t, tab, framed, v.base), before)
				}
			}
		})
	}
}

// A link from elsewhere may lead to the page, but not to what the page shows.
func TestLinksFromOtherSites(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	newVictim(t, s, harness.Origin)
	attacker := run.StartAttacker(t, attackerPage(t))
	browser := run.StartBrowser(t, s.rule(), "MAP evil.test:443 "+attacker.TLS)
	for path, want := range map[string]string{
		"/":                  "Pruvon",
		"/logs/app?follow=0": "another site sent this request",
		"/terminals":         "another site sent this request",
	} {
		tab := browser.Tab(t)
		tab.Open("https://evil.test/")
		tab.Eval(`(() => { location.href = "` + harness.Origin + path + `"; })()`)
		tab.UntilAt(harness.Origin + path)
		if text := tab.Eval("document.documentElement.innerText + document.title"); !strings.Contains(text, want) || strings.Contains(text, secret) {
			t.Errorf("%s shows %q, want %q", path, text, want)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	client := shared(t).client()
	for path, want := range map[string]map[string]string{
		"/": {
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		},
		"/logs/app?follow=0": {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
		"/terminals":         {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
		"/whoami":            {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"},
	} {
		answer := client.Get(t, path)
		if answer.Status != http.StatusOK {
			t.Errorf("%s: %d", path, answer.Status)
		}
		for name, value := range want {
			if got := answer.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
	}
	policy := client.Get(t, "/").Header.Get("Content-Security-Policy")
	for _, directive := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"} {
		if !strings.Contains(policy, directive) {
			t.Errorf("the policy %q lacks %s", policy, directive)
		}
	}
}
