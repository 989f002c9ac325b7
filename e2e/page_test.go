package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// views opens each view of the page in turn and hands it to check. On a phone the menu is opened first.
func views(t *testing.T, tab *harness.Tab, check func(name string)) {
	t.Helper()
	s := shared(t)
	appendLine(t, filepath.Join(s.service.Dir, "app.log"), "2026-11-25T00:00:00Z WARN a line with a level")
	open := func(entry string) {
		tab.Open(harness.Origin + "/")
		tab.Do(waitReady(testid(entry)))
		tab.Eval(`(menu => menu.checkVisibility() && menu.click())(document.querySelector("#menu"))`)
		tab.Until(5*time.Second, `document.querySelector("#sidebar").getAnimations().length === 0`) // the menu slides in
		tab.Click(testid(entry))
	}
	tab.Open(harness.Origin + "/")
	tab.Do(waitReady(testid("terminal-open-shell")))
	check("home")
	open("terminal-open-shell")
	tab.Until(10*time.Second, "window.pruvon && window.pruvon.terminal && "+screen+`.includes("$ ")`)
	check("terminal")
	open("log-open-app")
	tab.Until(10*time.Second, statusText("log-lines")+`.includes("a line with a level")`)
	check("log")
	open("import-open-count")
	tab.Do(waitReady(testid("import-file")))
	check("import")
}

func TestPageIsAccessible(t *testing.T) {
	axe, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: run npm ci in this folder", err)
	}
	for _, scheme := range []string{"light", "dark"} {
		t.Run(scheme, func(t *testing.T) {
			tab := browser(t).Tab(t)
			tab.ColourScheme(scheme)
			views(t, tab, func(name string) {
				tab.Shot(name + "-" + scheme)
				tab.Eval("(() => {" + string(axe) + "})()")
				text := tab.Eval(`axe.run(document, {resultTypes: ["violations"]}).then(r => JSON.stringify(r.violations
					.filter(v => v.impact === "serious" || v.impact === "critical")
					.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 5).map(n => n.target.join(" ") + ": " + n.failureSummary)}))))`)
				var faults []struct {
					ID, Help string
					Nodes    []string
				}
				if err := json.Unmarshal([]byte(text), &faults); err != nil {
					t.Fatal(err)
				}
				for _, fault := range faults {
					t.Errorf("%s: %s: %s: %q", name, fault.ID, fault.Help, fault.Nodes)
				}
			})
		})
	}
}

func TestPageFitsAPhone(t *testing.T) {
	tab := browser(t).Tab(t)
	tab.Phone()
	views(t, tab, func(name string) {
		tab.Shot(name + "-phone")
		if wide := tab.Eval("document.documentElement.scrollWidth - document.documentElement.clientWidth"); wide != "0" {
			t.Errorf("%s: the page is %s pixels wider than the phone", name, wide)
		}
	})
}

// What a first visit transfers, xterm.js included, as the browser counts it.
func TestFirstVisitIsSmall(t *testing.T) {
	tab := browser(t).Tab(t)
	tab.DisableCache()
	tab.Open(harness.Origin + "/")
	tab.Click(testid("terminal-open-shell"))
	tab.Until(10*time.Second, "window.pruvon && window.pruvon.terminal && "+screen+`.includes("$ ")`)
	text := tab.Eval(`JSON.stringify((() => {
		const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
		const paint = performance.getEntriesByName("first-contentful-paint")[0];
		return {
			bytes: all.reduce((sum, e) => sum + e.transferSize, 0), files: all.length,
			failed: all.filter(e => e.responseStatus >= 400).map(e => e.name),
			paint: paint ? paint.startTime : -1,
		};
	})())`)
	var visit struct {
		Bytes, Paint float64
		Files        int
		Failed       []string
	}
	if err := json.Unmarshal([]byte(text), &visit); err != nil {
		t.Fatal(err)
	}
	t.Logf("%.0f bytes in %d files, first contentful paint after %.0f ms", visit.Bytes, visit.Files, visit.Paint)
	if visit.Bytes > 350<<10 {
		t.Errorf("%.0f bytes are transferred, want at most 350 KiB", visit.Bytes)
	}
	if len(visit.Failed) > 0 {
		t.Errorf("not found: %v", visit.Failed)
	}
}

// Who has typed the address reads how the service came to its idea of them; the page has the same.
func TestWhoamiExplainsEachHop(t *testing.T) {
	tab := browser(t).Tab(t)
	for name, url := range map[string]string{"whoami": "/whoami", "whoami-view": "/#/whoami"} {
		tab.Open(harness.Origin + url)
		says(t, tab, "Your connection", "127.0.0.1", "trusted proxy", "X-Forwarded-For", "Every address in the header is a trusted proxy's")
		tab.Shot(name)
	}
}
