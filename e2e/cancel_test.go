package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// stuck is an import that reads its input, starts a helper that ignores a hangup and a termination, and
// never ends by itself.
const stuck = `
imports:
  stuck:
    dir: "{{DIR}}"
    command: [/bin/sh, -c, "cat >/dev/null; (trap '' HUP TERM; sleep 1000) & echo all is read; wait"]
`

// An operator changes their mind: nothing is ended before they have confirmed it, the page says canceled
// when the whole process tree is gone and not earlier, and the bytes are there for another attempt.
func TestImportIsCanceledInTheBrowser(t *testing.T) {
	s := start(t, origins, stuck, harness.NginxConfig{})
	file := filepath.Join(run.Sub(t), "dump.bin")
	if err := os.WriteFile(file, make([]byte, 2<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	tab := run.StartBrowser(t, s.rule()).Tab(t)
	tab.Open(harness.Origin + "/")
	tab.Click(testid("import-open-stuck"))
	importFile(tab, file)
	tab.Until(30*time.Second, `document.body.innerText.includes("all is read")`)
	running := func() error { return harness.ProcessesIn(s.service.Dir, s.service.Pid()) }
	if running() == nil {
		t.Fatal("the import's processes are not found while it runs: this test would prove nothing")
	}

	tab.Click(testid("import-cancel"))
	tab.Click(testid("dialog-no"))
	tab.Until(10*time.Second, fmt.Sprintf("!document.querySelector(%q)", testid("dialog")))
	if state := tab.Eval(fmt.Sprintf("document.querySelector(%q).dataset.state", testid("import-outcome"))); state != "running" {
		t.Fatalf("state %s after the question was answered with no", state)
	}

	tab.Click(testid("import-cancel"))
	tab.See(testid("dialog-yes"))
	tab.Shot("import-cancel")
	tab.Click(testid("dialog-yes"))
	tab.Until(30*time.Second, fmt.Sprintf(`document.querySelector(%q)?.dataset.outcome === "canceled"`, testid("import-outcome")))
	if err := running(); err != nil {
		t.Errorf("the page says canceled: %v", err)
	}
	tab.Shot("import-canceled")

	tab.Click(testid("import-retry"))
	tab.Until(30*time.Second, fmt.Sprintf(`document.querySelector(%q)?.dataset.state === "running"`, testid("import-outcome")))
	if running() == nil {
		t.Error("the retry runs nothing")
	}
	cancelImport(tab) // or the service would wait for it when it is stopped
}

func cancelImport(tab *harness.Tab) {
	tab.Click(testid("import-cancel"))
	tab.Click(testid("dialog-yes"))
	tab.Until(30*time.Second, fmt.Sprintf(`document.querySelector(%q)?.dataset.outcome === "canceled"`, testid("import-outcome")))
}
