package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/pruvon/pruvon/e2e/harness"
)

// pictured is a small service as its operators may have it.
const pictured = `
terminals:
  shell: {title: Shell on web-1, command: [/bin/bash, --norc, --noprofile], dir: "{{DIR}}/srv", env: {PS1: "\\[\\e[32m\\]deploy@web-1\\[\\e[0m\\]:\\[\\e[34m\\]/srv/shop\\[\\e[0m\\]$ ", TZ: UTC}}
  console: {title: Console of shop, command: [/bin/sh]}
  top: {title: Processes, command: [/bin/sh], read_only: true}
logs:
  shop: {title: shop.service, file: "{{DIR}}/srv/shop.log"}
  nginx: {title: nginx access, file: "{{DIR}}/srv/access.log"}
imports:
  shopdb:
    title: Database of shop
    command: [/bin/sh, -c, 'head -c 5600000 >/dev/null; for t in users products orders order_items invoices; do echo "pg_restore: creating TABLE public.$t"; done; exec sleep 1000']
`

// TestPicturesOfTheReadme takes the pictures that the README shows. With PRUVON_PICTURES=1 they replace
// those in docs/images.
func TestPicturesOfTheReadme(t *testing.T) {
	s := start(t, origins, pictured, harness.NginxConfig{})
	srv := filepath.Join(s.service.Dir, "srv")
	if err := os.Mkdir(srv, 0o755); err != nil {
		t.Fatal(err)
	}
	chromium := run.StartBrowser(t, s.rule())
	open := func(scheme, entry string) *harness.Tab {
		t.Helper()
		tab := chromium.Tab(t)
		tab.Do(chromedp.EmulateViewport(1120, 640))
		tab.ColourScheme(scheme)
		tab.Open(harness.Origin + "/")
		tab.Click(testid(entry))
		return tab
	}
	picture := func(tab *harness.Tab, name string) {
		t.Helper()
		tab.Until(5*time.Second, "document.getAnimations().every(a => a.effect.getTiming().iterations === Infinity)") // the cursor blinks
		tab.Shot("readme-" + name)
		if os.Getenv("PRUVON_PICTURES") != "1" {
			return
		}
		data, err := os.ReadFile(filepath.Join("shots", "readme-"+name+".png"))
		if err == nil {
			err = os.WriteFile(filepath.Join("../docs/images", name+".png"), data, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}

	at := time.Date(2026, 11, 25, 9, 30, 0, 0, time.UTC)
	var log, access strings.Builder
	for i := range 60 {
		at = at.Add(time.Duration(170+i*37%900) * time.Millisecond)
		level, text := "\x1b[32mINFO\x1b[0m ", fmt.Sprintf("order placed id=%d items=%d took=%dms", 48100+i, 1+i%4, 9+i*7%40)
		switch {
		case i%17 == 9:
			level, text = "\x1b[33mWARN\x1b[0m ", "payment provider is slow, trying again in 2s attempt=1"
		case i%23 == 20:
			level, text = "\x1b[31mERROR\x1b[0m", `order failed id=48120 err="payment declined" status=402`
		}
		fmt.Fprintf(&log, "%s %s %s\n", at.Format("2006-01-02T15:04:05.000Z"), level, text)
		fmt.Fprintf(&access, "10.20.30.%d - - [%s] \"GET /products/%d HTTP/1.1\" 200 %d\n", i%9+10, at.Format("02/Jan/2006:15:04:05 -0700"), i*31%400, 2048+i*97)
	}
	for name, text := range map[string]string{
		"shop.log": log.String(), "access.log": access.String(), "config.yml": "port: 3000\n", "release.txt": "2026-11-24\n",
	} {
		if err := os.WriteFile(filepath.Join(srv, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(srv, "deploy.sh"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}

	tab := open("light", "terminal-open-shell")
	tab.Until(10*time.Second, "window.pruvon.terminal && "+screen+`.includes("$ ")`)
	tab.Type("ls --color\n")
	tab.Until(10*time.Second, screen+`.includes("deploy.sh")`)
	tab.Type("wc -l *.log; rotation=stopped\n")
	tab.Until(10*time.Second, screen+`.includes("120 total")`)
	tab.Open(harness.Origin + "/")
	tab.Until(10*time.Second, "window.pruvon.terminal && "+screen+`.includes("120 total")`)
	tab.Type("echo $rotation\n")
	tab.Until(10*time.Second, screen+`.includes("\nstopped")`)
	tab.Until(10*time.Second, statusText("terminal-rtt")+`.includes("ms")`)
	picture(tab, "terminal")

	tab = open("dark", "log-open-shop")
	tab.Until(10*time.Second, statusText("log-lines")+`.includes("id=48159")`)
	appendLine(t, filepath.Join(srv, "shop.log"), at.Add(time.Second).Format("2006-01-02T15:04:05.000Z")+" \x1b[32mINFO\x1b[0m  order placed id=48160 items=2 took=12ms")
	tab.Until(10*time.Second, statusText("log-lines")+`.includes("id=48160")`)
	tab.Until(10*time.Second, statusText("log-status")+`.includes("Live")`)
	picture(tab, "log")

	dump := filepath.Join(run.Sub(t), "shop-2026-11-24.dump")
	if err := os.WriteFile(dump, make([]byte, 9_400_000), 0o644); err != nil {
		t.Fatal(err)
	}
	tab = open("light", "import-open-shopdb")
	importFile(tab, dump)
	tab.Until(30*time.Second, `document.body.innerText.includes("TABLE public.invoices")`)
	tab.Until(10*time.Second, fmt.Sprintf("document.querySelector(%q).value > 50", testid("import-progress-import")))
	tab.Eval("new Promise(done => setTimeout(done, 400))") // the bar glides to its value
	picture(tab, "import")
	cancelImport(tab) // or the service would wait for it when it is stopped
}
