package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

// A dump that is on the server already is imported without an upload: the page lists what the folder
// holds and nothing that only looks like a file of it, and says when a file has gone meanwhile.
func TestServerFilesAreImportedInTheBrowser(t *testing.T) {
	s := start(t, origins, `
imports:
  count: {command: [/usr/bin/wc, -c], files: "{{DIR}}/dumps"}
  upload: {command: [/usr/bin/wc, -c]}
`, harness.NginxConfig{})
	dumps := filepath.Join(s.service.Dir, "dumps")
	if err := os.Mkdir(dumps, 0o755); err != nil {
		t.Fatal(err)
	}
	tab := run.StartBrowser(t, s.rule()).Tab(t)
	details := `document.querySelector("details.server-files")`
	list := func() {
		t.Helper()
		tab.Open(harness.Origin + "/")
		tab.Click(testid("import-open-count"))
		tab.See("details.server-files summary")
		tab.Click("details.server-files summary")
	}

	list()
	tab.Until(10*time.Second, details+`.innerText.includes("The folder is empty.")`)

	for name, size := range map[string]int{"monday.sql": 1234, "tuesday <b>.sql": 5 << 20, ".hidden": 1} {
		if err := os.WriteFile(filepath.Join(dumps, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dumps, "link.sql")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dumps, "folder.sql"), 0o755); err != nil {
		t.Fatal(err)
	}
	list()
	tab.Until(10*time.Second, details+`.querySelectorAll("li").length === 2`)
	shown := tab.Eval(details + ".innerText")
	for _, want := range []string{"monday.sql", "tuesday <b>.sql", "1.21 KiB", "5.00 MiB"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in the list: %s", want, shown)
		}
	}
	tab.Shot("import-server-files")

	take := func(name string) {
		t.Helper()
		tab.Click(fmt.Sprintf("button[aria-label=%q]", "Import "+name))
		tab.Click(testid("dialog-yes"))
	}
	take("tuesday <b>.sql")
	untilSucceeded(tab, 20*time.Second)
	tab.Until(10*time.Second, fmt.Sprintf(`document.body.innerText.includes("%d")`, 5<<20)) // what wc printed
	if stored := tab.Eval(fmt.Sprintf("document.querySelector(%q).dataset.stored", testid("import-bytes"))); stored != fmt.Sprint(5<<20) {
		t.Errorf("the page counts %s bytes", stored)
	}
	if _, err := os.Stat(filepath.Join(dumps, "tuesday <b>.sql")); err != nil {
		t.Error("the file was not left where it is")
	}

	list()
	tab.Until(10*time.Second, details+`.querySelectorAll("li").length === 2`)
	if err := os.Remove(filepath.Join(dumps, "monday.sql")); err != nil {
		t.Fatal(err)
	}
	take("monday.sql")
	tab.Until(10*time.Second, statusText("problem")+`.includes("there is no such file")`)

	tab.Click(testid("import-open-upload"))
	tab.Until(10*time.Second, `[...document.querySelectorAll("details.server-files")].filter(d => d.checkVisibility()).length === 0`)
}
