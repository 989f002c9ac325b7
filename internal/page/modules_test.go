package page_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/page"
)

// options are those of a page with everything but xterm.js, which is not ours.
func options() page.Options {
	return page.Options{
		Terminal: os.DirFS("../../terminal/assets"),
		Logs:     os.DirFS("../../logs/assets"),
		Imports:  os.DirFS("../../imports/assets"),
	}
}

// TestModules runs the browser modules' own tests in node, on the files as the
// page serves them.
func TestModules(t *testing.T) {
	node, err := exec.LookPath("node")
	require.NoError(t, err, "the browser modules are tested in node 20 or newer: install it (Debian: apt-get install nodejs)")
	p, err := page.New(options())
	require.NoError(t, err)
	dir := t.TempDir()
	p.Each(func(name string, body []byte) {
		file := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, body, 0o644))
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"type":"module"}`), 0o644))
	tests, err := filepath.Glob("test/*.test.mjs")
	require.NoError(t, err)
	require.NotEmpty(t, tests)
	cmd := exec.CommandContext(t.Context(), node, append([]string{"--test", "--test-reporter=spec"}, tests...)...)
	cmd.Env = append(os.Environ(), "PRUVON_ASSETS="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
