package harness

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Browser is a running Chromium.
type Browser struct {
	ctx context.Context
	run *Run
}

// StartBrowser starts Chromium. Each rule is a host resolver rule such as
// "MAP pruvon.example.internal:443 127.0.0.1:8443": the page's URL, Host and Origin are then those of
// port 443. The run's certificate is accepted by its key alone; everything else about TLS is checked.
func (r *Run) StartBrowser(tb testing.TB, rules ...string) *Browser {
	tb.Helper()
	log, err := os.CreateTemp(r.Dir, "chromium-*.log")
	if err != nil {
		tb.Fatal(err)
	}
	var process *exec.Cmd
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Binary(tb, "chromium")),
		chromedp.UserDataDir(filepath.Join(r.Sub(tb), "profile")),
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		// A page asked for by http must come by http.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,HttpsUpgrades"),
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")),
		chromedp.Flag("ignore-certificate-errors-spki-list", r.Cert.SPKI),
		chromedp.WindowSize(1280, 900),
		chromedp.Env(markName+"="+r.mark),
		chromedp.CombinedOutput(log),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) {
			r.adopt(cmd, syscall.SIGKILL)
			process = cmd
		}),
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, cancel := chromedp.NewContext(allocator)
	r.OnClose(func() error {
		// Cancel asks the browser to close itself and waits for that; the group gets the rest.
		stop, done := context.WithTimeout(ctx, 10*time.Second)
		defer done()
		err := chromedp.Cancel(stop)
		cancel()
		stopAllocator()
		if process != nil && process.Process != nil {
			_ = syscall.Kill(-process.Process.Pid, syscall.SIGKILL)
		}
		return err
	})
	// The first call binds the life of the browser to its context: no deadline here.
	if err := chromedp.Do(ctx); err != nil {
		text, _ := os.ReadFile(log.Name())
		tb.Fatalf("starting Chromium: %v\n%s", err, text)
	}
	return &Browser{ctx: ctx, run: r}
}

// Tab is one tab of the browser. Every step fails the test that opened it when it takes longer than 20 s.
type Tab struct {
	tb  testing.TB
	ctx context.Context
}

// Tab opens an empty tab of 1280x800 that is closed when the test ends. With alone, the tab has its own
// cookies and storage.
func (b *Browser) Tab(tb testing.TB, options ...chromedp.ContextOption) *Tab {
	tb.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, options...)
	tb.Cleanup(cancel)
	t := &Tab{tb: tb, ctx: ctx}
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1280, 800)); err != nil {
		tb.Fatalf("opening a tab: %v", err)
	}
	return t
}

// Context is the tab's context, for steps that the methods do not cover.
func (t *Tab) Context() context.Context { return t.ctx }

// Close closes the tab before the test ends.
func (t *Tab) Close() {
	t.tb.Helper()
	ctx, done := context.WithTimeout(t.ctx, 10*time.Second)
	defer done()
	if err := chromedp.Cancel(ctx); err != nil {
		t.tb.Fatalf("closing the tab: %v", err)
	}
}

// Do runs steps within 20 s.
func (t *Tab) Do(steps ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	ctx, done := context.WithTimeout(t.ctx, 20*time.Second)
	defer done()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.tb.Fatalf("in the browser: %v", err)
	}
}

// Open navigates to url.
func (t *Tab) Open(url string) {
	t.tb.Helper()
	t.Do(chromedp.Navigate(url))
}

// Click clicks the first visible element that matches a CSS selector.
func (t *Tab) Click(selector string) {
	t.tb.Helper()
	t.Do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// See waits until an element is visible.
func (t *Tab) See(selector string) {
	t.tb.Helper()
	t.Do(chromedp.WaitVisible(chromedp.CSS(selector)))
}

// Until waits until a JavaScript expression is truthy.
func (t *Tab) Until(limit time.Duration, expression string) {
	t.tb.Helper()
	ctx, done := context.WithTimeout(t.ctx, limit+5*time.Second)
	defer done()
	_, err := chromedp.Run(ctx, chromedp.Poll[chromedp.Void](expression,
		chromedp.WithPollingTimeout(limit), chromedp.WithPollingInterval(50*time.Millisecond)))
	if err != nil {
		text, _ := t.eval("document.body.innerText")
		t.tb.Fatalf("in the browser, not true within %v: %s: %v\nthe page says:\n%s", limit, expression, err, tail(text, 2000))
	}
}

// Eval returns the value of a JavaScript expression as a string; a promise is awaited.
func (t *Tab) Eval(expression string) string {
	t.tb.Helper()
	text, err := t.eval(expression)
	if err != nil {
		t.tb.Fatalf("in the browser: %s: %v", expression, err)
	}
	return text
}

func (t *Tab) eval(expression string) (string, error) {
	ctx, done := context.WithTimeout(t.ctx, 60*time.Second)
	defer done()
	return chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => String(await ("+expression+")))()", chromedp.EvalAwaitPromise))
}

// Shot saves a picture of the tab as e2e/shots/name.png.
func (t *Tab) Shot(name string) {
	t.tb.Helper()
	ctx, done := context.WithTimeout(t.ctx, 20*time.Second)
	defer done()
	picture, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.tb.Fatalf("screenshot: %v", err)
	}
	if err := os.MkdirAll("shots", 0o755); err != nil {
		t.tb.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("shots", name+".png"), picture, 0o644); err != nil {
		t.tb.Fatal(err)
	}
}

// UntilAt waits until the tab shows the page at url, which another page led it to.
func (t *Tab) UntilAt(url string) {
	t.tb.Helper()
	var at string
	Eventually(t.tb, 10*time.Second, func() error {
		// The document is exchanged under the expression: an error means not yet.
		text, err := t.eval(`document.readyState === "complete" ? location.href : ""`)
		if at = text; err == nil && at != url {
			err = errors.New("the tab is at " + at)
		}
		return err
	})
}

// OnNewDocument runs a script before anything else in every page that the tab loads from now on.
func (t *Tab) OnNewDocument(script string) {
	t.tb.Helper()
	if _, err := chromedp.Call(t.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script}); err != nil {
		t.tb.Fatalf("script for new documents: %v", err)
	}
}

// GrantClipboard lets pages of an origin read and write the clipboard without asking.
func (t *Tab) GrantClipboard(origin string) {
	t.tb.Helper()
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err := chromedp.CallBrowser(t.ctx, browser.SetPermission, browser.SetPermissionParams{
			Origin: origin, Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
		})
		if err != nil {
			t.tb.Fatalf("granting the clipboard: %v", err)
		}
	}
}
