package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// says waits until what the page shows contains every text.
func says(t *testing.T, tab *harness.Tab, texts ...string) {
	t.Helper()
	for _, text := range texts {
		tab.Until(20*time.Second, `document.body.innerText.replace(/\s+/g, " ").includes(`+jsString(text)+`)`)
	}
}

func jsString(s string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`", "$", "\\$").Replace(s) + "`"
}

// What goes wrong between browser and service is said on the page, with what to do about it: operators
// do not look into a browser's console.
func TestThePageSaysWhatToDo(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	appendLine(t, filepath.Join(s.service.Dir, "app.log"), "a line")
	tab := run.StartBrowser(t, s.rule()).Tab(t)
	site := filepath.Join(s.nginx.Dir, "pruvon.conf")
	good, err := os.ReadFile(site)
	if err != nil {
		t.Fatal(err)
	}
	reload := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		s.nginx.Reload(t)
	}

	// nginx without the two lines that WebSockets need.
	var lame strings.Builder
	for line := range strings.Lines(string(good)) {
		if !strings.Contains(line, "$http_upgrade") && !strings.Contains(line, `Connection "upgrade"`) {
			lame.WriteString(line)
		}
	}
	reload(site, lame.String())
	lines := []string{"proxy_set_header Upgrade $http_upgrade;", `proxy_set_header Connection "upgrade";`}
	tab.Open(harness.Origin + "/")
	tab.Click(testid("terminal-open-shell"))
	says(t, tab, lines...)
	tab.Shot("error-upgrade")
	tab.Click(testid("log-open-app"))
	says(t, tab, lines...)
	tab.Shot("error-upgrade-log")

	// Once it is mended, the page finds out by itself.
	reload(site, string(good))
	tab.Click(testid("tab-terminal-shell"))
	tab.Until(40*time.Second, "window.pruvon.terminal && "+screen+`.includes("$ ")`)

	// The address has gone from nginx's allowlist while the page was open.
	reload(s.nginx.Allowlist, "deny all;\n")
	tab.Click(testid("import-open-count"))
	says(t, tab, "The proxy refused this address", "Add your address to the allow lines in nginx", "nginx -t && systemctl reload nginx")
	tab.Shot("error-allowlist")
	reload(s.nginx.Allowlist, harness.Operators)

	// The service is down.
	tab.Click(testid("tab-terminal-shell"))
	if err := s.service.Stop(); err != nil {
		t.Fatal(err)
	}
	says(t, tab, "The server was stopped, and the session with it")
	tab.Click(testid("terminal-retry"))
	tab.Until(20*time.Second, statusText("terminal-banner")+`.includes("systemctl status pruvon")`)
	says(t, tab, "The service is not running")
	tab.Shot("error-service-down")
	s.service.Start(t)
	tab.Until(40*time.Second, statusText("terminal-status")+`.includes("Connected")`)
}

// origins names the page's host, but by http: the document comes, its scripts and sockets are refused.
func TestThePageNamesTheOriginThatIsMissing(t *testing.T) {
	s := start(t, "origins: [http://"+harness.ServerName+"]\n", targets, harness.NginxConfig{})
	tab := run.StartBrowser(t, s.rule()).Tab(t)
	tab.Open(harness.Origin + "/")
	says(t, tab, "The page did not start", "origins in pruvon.yml")
	tab.Shot("error-origin")
}

// Pruvon's own allowlist: a person who navigates reads a page, not JSON.
func TestADeniedAddressReadsAPage(t *testing.T) {
	list := filepath.Join(run.Sub(t), "allowlist.conf")
	if err := os.WriteFile(list, []byte("allow 10.20.30.0/24;\ndeny all;\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s := start(t, origins+"allowlist: "+list+"\n", targets, harness.NginxConfig{})
	tab := run.StartBrowser(t, s.rule()).Tab(t)
	tab.Open(harness.Origin + "/")
	says(t, tab, "allowlist")
	tab.Shot("error-denied")
}
