package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// inTheMenu is a JavaScript expression: the running sessions that the menu shows.
const inTheMenu = `document.querySelectorAll(".sessions .session").length`

// An operator ends a session from the menu while another window has it open, one that nobody is attached
// to, and their own when they close its tab; each time everything that it had started is gone.
func TestSessionsAreEndedInTheBrowser(t *testing.T) {
	s := start(t, origins, targets, harness.NginxConfig{})
	chromium := run.StartBrowser(t, s.rule())
	tab, other := chromium.Tab(t), chromium.Tab(t)
	running := func() error { return harness.ProcessesIn(s.service.Dir, s.service.Pid()) }
	background := func() {
		t.Helper()
		tab.Type("setsid sleep 1000 & echo in-the-$((1+1))-background\n")
		tab.Until(10*time.Second, screen+`.includes("in-the-2-background")`)
		if running() == nil {
			t.Fatal("the session's processes are not found while it runs: this test would prove nothing")
		}
	}
	gone := func() {
		t.Helper()
		if err := running(); err != nil {
			t.Errorf("the session has ended: %v", err)
		}
	}
	endButton := `[data-testid^="session-end-"]`

	openTerminal(t, tab, "shell")
	background()
	other.Open(harness.Origin + "/")
	other.Click(endButton)
	other.See(testid("dialog-no"))
	other.Shot("session-end")
	if text := other.Eval(statusText("dialog")); !strings.Contains(text, "1 attached") || !strings.Contains(text, "nohup") {
		t.Errorf("the question does not say what ends: %s", text)
	}
	other.Click(testid("dialog-no"))
	if running() == nil {
		t.Fatal("the session ended although the answer was no")
	}
	other.Click(endButton)
	other.Click(testid("dialog-yes"))
	other.Until(15*time.Second, inTheMenu+" === 0")
	gone()
	tab.Until(10*time.Second, statusText("terminal-banner")+`.includes("killed")`)

	// Closed and detached: it runs on, and ends from the menu.
	tab.Click(testid("terminal-retry"))
	tab.Until(10*time.Second, statusText("terminal-status")+`.includes("Connected") && `+screen+`.includes("$ ")`)
	background()
	tab.Click(testid("tab-close"))
	tab.See(testid("dialog-end"))
	tab.Shot("terminal-close")
	tab.Click(testid("dialog-yes"))
	tab.Until(15*time.Second, `document.querySelector(".sessions .session")?.innerText.includes("detached")`)
	if running() == nil {
		t.Fatal("closing the tab ended the session")
	}
	tab.Click(endButton)
	tab.Click(testid("dialog-yes"))
	tab.Until(15*time.Second, inTheMenu+" === 0")
	gone()

	// Ended while its tab is closed.
	openTerminal(t, tab, "shell")
	background()
	tab.Click(testid("tab-close"))
	tab.Click(testid("dialog-end"))
	tab.Until(15*time.Second, fmt.Sprintf(`!document.querySelector(%q) && %s === 0`, testid("terminal-view"), inTheMenu))
	gone()
	if kills := strings.Count(s.service.Activity(), `"kind":"kill"`); kills != 3 {
		t.Errorf("%d of 3 kills are on record:\n%s", kills, s.service.Activity())
	}
}
