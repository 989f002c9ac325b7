package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

// modules puts the browser modules side by side, as a service serves them, beside a TypeScript project
// with the types of xterm.js, and returns its folder.
func modules(t *testing.T) string {
	t.Helper()
	dir := run.Sub(t)
	assets := filepath.Join(dir, "assets")
	if err := os.Mkdir(assets, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"internal/browser", "terminal", "logs", "imports"} {
		if err := os.CopyFS(assets, os.DirFS(filepath.Join("..", part, "assets"))); err != nil {
			t.Fatal(err)
		}
	}
	packages, err := filepath.Abs("node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(packages, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	put(t, dir, "package.json", `{"type": "module"}`)
	return dir
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// tsc checks a file of the project and returns its complaints.
func tsc(t *testing.T, dir string, args ...string) string {
	t.Helper()
	args = append([]string{"node_modules/typescript/bin/tsc", "--noEmit", "--target", "es2022", "--module", "nodenext"}, args...)
	cmd := exec.Command(harness.Binary(t, "node"), args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("%v\n%s", err, out)
	}
	return ""
}

func TestDeclarationsServeAStrictFrontEnd(t *testing.T) {
	dir := modules(t)
	consumer, err := os.ReadFile("testdata/consumer.ts")
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "consumer.ts", string(consumer))
	if complaints := tsc(t, dir, "--strict", "--noUncheckedIndexedAccess", "--exactOptionalPropertyTypes", "consumer.ts"); complaints != "" {
		t.Error(complaints)
	}
}

// The compiler believes the declarations, so they are compared with the modules themselves.
func TestDeclarationsAreThoseOfTheModules(t *testing.T) {
	dir := modules(t)
	script, err := os.ReadFile("testdata/declarations.mjs")
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, "declarations.mjs", string(script))
	cmd := exec.Command(harness.Binary(t, "node"), "declarations.mjs", filepath.Join(dir, "assets"), "connect", "terminal", "logs", "imports")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// The JavaScript of the documents and of the example page is checked against the declarations, too: the
// names, the options and what an event carries.
func TestJavaScriptInTheDocsIsChecked(t *testing.T) {
	dir := modules(t)
	texts, from := blocks(t, "js")
	page, err := os.ReadFile("../examples/embed/modules/index.html")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(page), `<script type="module">`)
	script, _, _ = strings.Cut(script, "</script>")
	texts, from = append(texts, script), append(from, "index.html")
	put(t, dir, "xterm.d.mts", "export * from '@xterm/xterm';\n")
	args := []string{"--allowJs", "--checkJs"}
	for i, text := range texts {
		if strings.Contains(text, "file });\nupload") {
			text = "const file = new File([], 'dump');\n" + text
		}
		name := fmt.Sprintf("%d-%s.js", i, from[i])
		put(t, dir, name, strings.NewReplacer(
			// Which elements the page has is not the modules' affair.
			"document.getElementById(id)", "/** @type {any} */ (document.getElementById(id))",
		).Replace(text))
		args = append(args, name)
	}
	if complaints := tsc(t, dir, args...); complaints != "" {
		t.Error(complaints)
	}
}
