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

// corpus is what a program under attack may write to its log, one line each: terminal control, markup,
// event framing, and text that lies about its direction or its end.
var corpus = []string{
	"\x1b]0;pwned title\x07", "\x1b]2;pwned title\x1b\\", "\x1b]1;pwned\x07", "\x1b]l pwned\x1b\\", "\x1bkpwned\x1b\\",
	"\x1b]52;c;cHduZWQ=\x07", "\x1b]52;p;cHduZWQ=\x1b\\", "\x1b]52;c;?\x07", "\x9d52;c;cHduZWQ=\x9c", "\u009d52;c;cHduZWQ=\u009c",
	"\x1b]8;;javascript:window.pwned=1\x07link\x1b]8;;\x07", "\x1b]8;;https://evil.test/\x1b\\link\x1b]8;;\x1b\\",
	"\x1b[21t", "\x1b[20t", "\x1b[c", "\x1b[>c", "\x1b[6n", "\x1b[5n", "\x1bP$q\"p\x1b\\", "\x1bP+q544e\x1b\\", "\x1b]10;?\x07", "\x1b]11;?\x07", "\x1b]4;1;?\x07",
	"\x1b[2J\x1b[H\x1b[3J", "\x1bc", "\x1b[?1049h", "\x1b[?1000h", "\x1b[?2004h", "\x1b[!p", "\x1b#8", "\x1b(0", "\x0e", "\x0f", "\x1b[999A", "\x1b[4h", "\x1b[20h",
	"\x1b_Gi=1;AAAA\x1b\\", "\x1b^pwned\x1b\\", "\x1bXpwned\x1b\\", "\x1b]1337;File=inline=1:AAAA\x07", "\x1b]777;notify;pwned;pwned\x07", "\x1b]9;pwned\x07",
	"real error\rforged: all is well", "back\b\b\b\bspace", "bell\a", "vertical\vtab", "form\ffeed", "nul\x00byte", "del\x7fete",
	"data: forged\revent: end\rdata: {\"why\":\"pwned\"}\r\r", "\r\revent: import\rdata: succeeded\r\r", "id: 99999\rretry: 1\r", "\u2028event: end\u2028data: x\u2028\u2028", "\u0085next line", "\u2029paragraph",
	"<script>window.pwned=1</script>", "<img src=x onerror=window.pwned=1>", "<svg/onload=window.pwned=1>", "</pre></code></span></div><script>window.pwned=1</script>",
	"\"><iframe src=javascript:window.pwned=1>", "{{constructor.constructor('window.pwned=1')()}}", "javascript:window.pwned=1", "&lt;script&gt;", "${window.pwned=1}",
	"\u202egnp.exe", "\u2066isolate\u2069", "\u200bzero\u200bwidth", "\ufeffmark", "\u061carabic", "a\u0301\u0301\u0301\u0301\u0301\u0301combining",
	"\xff\xfe\xc0\x80 invalid", "\xed\xa0\x80 surrogate", "\xf4\x90\x80\x80 beyond", "\xe2\x28\xa1", "\xc3",
	`{"type":"end","why":"pwned"}`, `{"type":"lines","lines":[{"m":"forged"}]}`, strings.Repeat("A", 1<<20),
}

// untouched is a JavaScript expression that is "untouched" while nothing in the page has been run,
// opened, blocked by the page's policy or put on the clipboard.
const untouched = `(async () => {
	const faults = [];
	if (window.pwned !== undefined) faults.push("script ran");
	if (document.querySelector("iframe, object, embed")) faults.push("frame");
	for (const link of document.querySelectorAll("a[href]")) if (!/^https?:$/.test(new URL(link.href).protocol)) faults.push("link " + link.href);
	try { const text = await navigator.clipboard.readText(); if (text !== "mine") faults.push("clipboard " + text); } catch (e) { faults.push("clipboard unreadable: " + e); }
	for (const violation of window.violations ?? []) faults.push("blocked " + violation);
	return faults.join("; ") || "untouched";
})()`

// guardedTab opens the page with the clipboard granted and filled, and with every violation of its
// Content-Security-Policy noted from the first moment.
func guardedTab(t *testing.T) *harness.Tab {
	t.Helper()
	tab := browser(t).Tab(t)
	tab.GrantClipboard(harness.Origin)
	tab.OnNewDocument(`window.violations = []; addEventListener("securitypolicyviolation", e => violations.push(e.violatedDirective + " " + e.blockedURI));`)
	tab.Open(harness.Origin + "/")
	tab.Eval(`navigator.clipboard.writeText("mine")`)
	return tab
}

func expectUntouched(t *testing.T, tab *harness.Tab) {
	t.Helper()
	if got := tab.Eval(untouched); got != "untouched" {
		t.Error(got)
	}
}

func TestHostileLogLinesChangeNothing(t *testing.T) {
	s := shared(t)
	path := filepath.Join(s.service.Dir, "app.log")
	tab := guardedTab(t)
	title := tab.Eval("document.title")
	tab.Click(testid("log-open-app"))
	tab.See(testid("log-lines"))
	for _, line := range corpus {
		appendLine(t, path, line)
	}
	end := fmt.Sprintf("end of the corpus %d", time.Now().UnixNano())
	appendLine(t, path, end)
	tab.Until(20*time.Second, statusText("log-lines")+fmt.Sprintf(".includes(%q)", end))
	expectUntouched(t, tab)
	if got := tab.Eval(statusText("log-lines")); strings.ContainsAny(got, "\x1b\a\b\x00\u202e\u2066\u2028") {
		t.Error("control characters have reached the log view")
	}
	if now := tab.Eval("document.title"); strings.Contains(now, "pwned") || title == "" {
		t.Errorf("the title was %q and is %q", title, now)
	}
	tab.Shot("log-hostile")
}

// A line that does not end costs the page no more than what is shown of it.
func TestLogLineWithoutAnEndLeavesThePageAlone(t *testing.T) {
	s := shared(t)
	path := filepath.Join(s.service.Dir, "app.log")
	tab := guardedTab(t)
	tab.Click(testid("log-open-app"))
	tab.See(testid("log-lines"))
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := 10
	if harness.Full() {
		size = 100
	}
	chunk := strings.Repeat("N", 1<<20)
	for range size {
		if _, err := f.WriteString(chunk); err != nil {
			t.Fatal(err)
		}
	}
	end := fmt.Sprintf("after the long line %d", time.Now().UnixNano())
	if _, err := f.WriteString("\n" + end + "\n"); err != nil {
		t.Fatal(err)
	}
	tab.Until(30*time.Second, statusText("log-lines")+fmt.Sprintf(".includes(%q)", end))
	expectUntouched(t, tab)
	if got := tab.Eval(fmt.Sprintf("%s.length < 4 << 20", statusText("log-lines"))); got != "true" {
		t.Error("the page holds more of the line than is ever sent")
	}
}

// A line of a log must not be able to end an event and begin another one.
func TestHostileLogLinesForgeNoEvent(t *testing.T) {
	s := shared(t)
	path := filepath.Join(s.service.Dir, "app.log")
	tab := browser(t).Tab(t)
	tab.Open(harness.Origin + "/")
	tab.Eval(`new Promise(open => {
		window.types = {};
		window.events = new EventSource("logs/app?tail=0");
		for (const type of ["message", "hello", "lines", "gap", "source", "heartbeat", "end", "import", "done", "pwned"])
			events.addEventListener(type, e => { types[type] = (types[type] ?? 0) + 1; window.last = e.data; if (type === "hello") open(); });
	})`)
	for _, line := range corpus {
		appendLine(t, path, line)
	}
	end := fmt.Sprintf("end of the events %d", time.Now().UnixNano())
	appendLine(t, path, end)
	tab.Until(20*time.Second, fmt.Sprintf("(window.last ?? '').includes(%q)", end))
	for _, forged := range []string{"message", "end", "import", "done", "pwned"} {
		if got := tab.Eval("types." + forged); got != "undefined" {
			t.Errorf("%s events of type %q", got, forged)
		}
	}
	tab.Eval("events.close()")
}

func TestHostileOutputInTheTerminal(t *testing.T) {
	s := shared(t)
	if err := os.WriteFile(filepath.Join(s.service.Dir, "corpus"), []byte(strings.Join(corpus[:40], "\n")), 0o644); err != nil {
		t.Fatal(err)
	}
	tab := guardedTab(t)
	tab.Click(testid("terminal-open-shell"))
	tab.Until(10*time.Second, "window.pruvon && window.pruvon.terminal && "+screen+`.includes("$ ")`)
	tab.Type("cat corpus; reset; echo end-$((5*5))\n")
	tab.Until(20*time.Second, screen+`.includes("end-25")`)
	expectUntouched(t, tab)
	tab.Shot("terminal-hostile")
}

func TestHostileFileNameAndImportOutput(t *testing.T) {
	s := start(t, origins, `
imports:
  echo: {command: [/bin/cat]}
`, harness.NginxConfig{})
	tab := run.StartBrowser(t, s.rule()).Tab(t)
	tab.GrantClipboard(harness.Origin)
	file := filepath.Join(run.Sub(t), "<img src=x onerror=window.pwned=1>.sql")
	if err := os.WriteFile(file, []byte(strings.Join(corpus[:len(corpus)-1], "\n")+"\nthe end of the output\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tab.Open(harness.Origin + "/")
	tab.Eval(`navigator.clipboard.writeText("mine")`)
	tab.Click(testid("import-open-echo"))
	importFile(tab, file)
	untilSucceeded(tab, 20*time.Second)
	tab.Until(10*time.Second, `document.body.textContent.includes("the end of the output")`)
	expectUntouched(t, tab)
	tab.Shot("import-hostile")
}

// The page must not break its own policy, else the next person loosens the policy.
func TestPageKeepsItsContentSecurityPolicy(t *testing.T) {
	tab := guardedTab(t)
	for _, id := range []string{"terminal-open-shell", "log-open-app", "import-open-count"} {
		tab.Click(testid(id))
	}
	tab.Open(harness.Origin + "/")
	expectUntouched(t, tab)
}
