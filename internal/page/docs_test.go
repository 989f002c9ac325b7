package page_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What a module exports or dispatches must be in its declarations, and what the
// declarations export must be in the module.
func TestDeclarationsMatchTheModules(t *testing.T) {
	exported := regexp.MustCompile(`(?m)^export (?:async )?(?:class|function) (\w+)`)
	emitted := regexp.MustCompile(`#emit\('(\w+)'`)
	for name, dir := range map[string]string{
		"connect": "../browser/assets", "terminal": "../../terminal/assets", "logs": "../../logs/assets", "imports": "../../imports/assets",
	} {
		module, err := os.ReadFile(filepath.Join(dir, name+".js"))
		require.NoError(t, err)
		types, err := os.ReadFile(filepath.Join(dir, name+".d.ts"))
		require.NoError(t, err)
		assert.ElementsMatch(t, firsts(exported, module), firsts(exported, types), name)
		for _, event := range firsts(emitted, module) {
			assert.True(t, regexp.MustCompile(`\b`+event+`\b`).Match(types), "%s dispatches %s", name, event)
		}
	}
}

// The code of docs/modules.md imports what there is, and every class, method
// and event that it speaks of exists.
func TestModulesDocument(t *testing.T) {
	doc, err := os.ReadFile("../../docs/modules.md")
	require.NoError(t, err)
	var types []byte
	for _, file := range []string{"../../terminal/assets/terminal.d.ts", "../../logs/assets/logs.d.ts", "../../imports/assets/imports.d.ts", "../browser/assets/connect.d.ts"} {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		types = append(types, b...)
	}
	for _, pattern := range []string{
		"`(\\w+)\\([^`]*\\)`",                     // methods and functions
		`addEventListener\('(\w+)'`,               // events in the code
		"(?m)^\\| `(\\w+)`(?:, `\\w+`)* \\| [^`]", // events in the table
		`new (\w+)\(\{`,                           // classes
	} {
		names := firsts(regexp.MustCompile(pattern), doc)
		require.NotEmpty(t, names, pattern)
		for _, name := range names {
			if name == "Terminal" {
				continue // xterm.js
			}
			assert.True(t, regexp.MustCompile(`\b`+name+`\b`).Match(types), "%s is in no declaration", name)
		}
	}
}

func firsts(re *regexp.Regexp, text []byte) []string {
	var names []string
	for _, m := range re.FindAllSubmatch(text, -1) {
		names = append(names, string(m[1]))
	}
	return names
}
