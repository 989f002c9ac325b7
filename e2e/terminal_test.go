package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/pruvon/pruvon/e2e/harness"
)

// screen is a JavaScript expression: the text of the terminal, scrollback included.
const screen = `(() => {
	const buffer = window.pruvon.terminal.buffer.active, lines = [];
	for (let i = 0; i < buffer.length; i++) lines.push(buffer.getLine(i).translateToString(true));
	return lines.join("\n");
})()`

// testid is the CSS selector of an element of the page.
func testid(name string) string { return fmt.Sprintf("[data-testid=%q]", name) }

// openTerminal opens the page and a terminal in it, and waits for the shell's prompt.
func openTerminal(t *testing.T, tab *harness.Tab, name string) {
	t.Helper()
	tab.Open(harness.Origin + "/")
	tab.Click(testid("terminal-open-" + name))
	tab.See(testid("terminal-view"))
	tab.Until(10*time.Second, "window.pruvon && window.pruvon.terminal && "+screen+`.includes("$ ")`)
}

func TestTypedCommandShowsItsOutput(t *testing.T) {
	tab := browser(t).Tab(t)
	openTerminal(t, tab, "shell")
	tab.Type("echo $((6*7))-$USER-é'|'\n")
	tab.Until(10*time.Second, screen+`.includes("42-")`)
	if text := tab.Eval(screen); !strings.Contains(text, "echo $((6*7))-$USER-é'|'") || !strings.Contains(text, "-é|") {
		t.Errorf("the screen does not show what was typed and what came of it:\n%s", text)
	}
	tab.Shot("terminal")
}

// Text in the buffer proves nothing about its colour: with a Content-Security-Policy that forbids the
// style sheets of xterm.js everything is there, unreadable.
func TestTerminalShowsColours(t *testing.T) {
	tab := browser(t).Tab(t)
	openTerminal(t, tab, "shell")
	tab.Type(`printf '\033[31mcrim''son\033[0m plain\n'` + "\n")
	tab.Until(10*time.Second, screen+`.includes("crimson plain")`)
	colour := `(text => {
		const span = [...document.querySelectorAll(".xterm-rows span")].find(s => s.textContent.includes(text));
		return span ? getComputedStyle(span).color : "no span";
	})`
	tab.Until(5*time.Second, colour+`("crimson") !== "no span"`)
	if red, plain := tab.Eval(colour+`("crimson")`), tab.Eval(`getComputedStyle(document.querySelector(".xterm-rows")).color`); red == plain {
		t.Errorf("red text is drawn in %s, like plain text", red)
	}
}

func TestInterruptEndsACommand(t *testing.T) {
	tab := browser(t).Tab(t)
	openTerminal(t, tab, "shell")
	// The command says itself that it runs: a SIGINT that reaches bash while it is still starting one is
	// taken by bash, which then waits for the command, in any terminal.
	tab.Type("sh -c 'echo started-$((1+1)); exec sleep 1000'\n")
	tab.Until(10*time.Second, screen+`.includes("started-2")`)
	tab.Press("c", chromedp.ModifierCtrl)
	tab.Type("echo status=$?-still-$((1+1))-here\n")
	tab.Until(10*time.Second, screen+`.includes("status=130-still-2-here")`)
}

// A page that draws slower than a command prints must not have Ctrl-C wait behind what was printed.
func TestInterruptEndsAFlood(t *testing.T) {
	tab := browser(t).Tab(t)
	openTerminal(t, tab, "shell")
	tab.Type("yes a line of the flood\n")
	full := `window.pruvon.terminal.buffer.active.length > 1000`
	tab.Until(10*time.Second, full)
	tab.Press("c", chromedp.ModifierCtrl)
	tab.Until(10*time.Second, screen+`.trimEnd().endsWith("$")`)
	tab.Type("echo still-$((1+1))-here\n")
	tab.Until(10*time.Second, screen+`.includes("still-2-here")`)
}

func TestExitStatusIsShown(t *testing.T) {
	tab := browser(t).Tab(t)
	openTerminal(t, tab, "shell")
	tab.Type("exit 3\n")
	tab.Until(10*time.Second, statusText("terminal-banner")+`.includes("3")`)
	tab.Shot("terminal-exit")
}

func TestCommandThatDoesNotExistIsExplained(t *testing.T) {
	tab := browser(t).Tab(t)
	tab.Open(harness.Origin + "/")
	tab.Click(testid("terminal-open-missing"))
	tab.Until(10*time.Second, statusText("terminal-banner")+`.includes("does not exist")`)
	tab.Shot("terminal-missing-command")
}

// A page that is loaded again finds its shell as it was.
func TestShellSurvivesAPageReload(t *testing.T) {
	tab := browser(t).Tab(t)
	openTerminal(t, tab, "shell")
	tab.Type("kept=$((40+2)); echo before-$$\n")
	tab.Until(10*time.Second, `/before-\d+/.test(`+screen+`)`)
	before := tab.Eval(`/before-(\d+)/.exec(` + screen + `)[1]`)
	tab.Open(harness.Origin + "/")
	tab.See(testid("terminal-view"))
	tab.Until(10*time.Second, "window.pruvon && window.pruvon.terminal && "+screen+`.includes("$ ")`)
	tab.Type("echo after-$$-$kept\n")
	tab.Until(10*time.Second, screen+fmt.Sprintf(`.includes("after-%s-42")`, before))
	tab.Shot("terminal-resumed")
}

// waitReady waits until an element is in the page, visible or not: file inputs are hidden behind labels.
func waitReady(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.WaitReady(chromedp.CSS(selector))
}

// statusText is the JavaScript expression of a status element's text.
func statusText(id string) string {
	return fmt.Sprintf(`(document.querySelector(%q)?.innerText ?? "")`, testid(id))
}
