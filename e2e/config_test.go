package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestBadConfigurationIsRefusedWithFileAndLine(t *testing.T) {
	binary, dir := run.Standalone(t), run.Sub(t)
	for _, c := range []struct{ name, text, line, word string }{
		{"unknown key", "pruvon:\n  listen: 127.0.0.1:8080\n  lisen: x\n", ":3:", "lisen"},
		{"unknown section", "pruvon:\n  listen: 127.0.0.1:8080\nterminal:\n  shell: {command: [sh]}\n", ":3:", "terminal"},
		{"no YAML", "pruvon:\n  listen: [\n", ":", ""},
		{"a bad size", "limits:\n  ring: huge\n", ":2:", "huge"},
		{"a bad duration", "limits:\n  idle: 8\n", ":2:", "duration"},
		{"a bad origin", "pruvon:\n  origins: [pruvon.example.internal]\n", ":2:", "origin"},
		{"a bad proxy", "pruvon:\n  trusted_proxies: [nginx]\n", ":2:", "nginx"},
		{"a public address", "pruvon:\n  listen: 0.0.0.0:8080\n", ":2:", "allow_public_listen"},
		{"a terminal without a command", "terminals:\n  shell: {dir: /root}\n", ":2:", "command"},
		{"a bad name", "terminals:\n  \"../shell\": {command: [sh]}\n", ":2:", "shell"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(dir, strings.ReplaceAll(c.name, " ", "-")+".yml")
			if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"-check", "-config", file}, {"-config", file}} {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				cmd := exec.CommandContext(ctx, binary, args...)
				cmd.Dir = dir
				cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+dir)
				out, _ := cmd.CombinedOutput()
				if code := cmd.ProcessState.ExitCode(); code != 1 {
					t.Errorf("%v: exit code %d, want 1\n%s", args, code, out)
				}
				if !strings.Contains(string(out), file+c.line) || !strings.Contains(string(out), c.word) {
					t.Errorf("%v says %q, want %s and %q", args, out, filepath.Base(file)+c.line, c.word)
				}
			}
		})
	}
}

func TestCheckAcceptsTheDocumentedConfiguration(t *testing.T) {
	example, err := filepath.Abs("../examples/standalone/pruvon.yml")
	if err != nil {
		t.Fatal(err)
	}
	dir := run.Sub(t)
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	// The folders of a real host are replaced by one of the test.
	for _, path := range []string{"/etc/pruvon/allowlist.conf", "/var/lib/pruvon", "/var/log/nginx/access.log"} {
		local := filepath.Join(dir, filepath.Base(path))
		text = []byte(strings.ReplaceAll(string(text), path, local))
	}
	for name, content := range map[string]string{"allowlist.conf": "allow 10.20.30.0/24;\ndeny all;\n", "access.log": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "pruvon.yml")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(run.Standalone(t), "-check", "-config", file).CombinedOutput(); err != nil {
		t.Errorf("-check: %v\n%s", err, out)
	}
}

func TestVersionIsPrinted(t *testing.T) {
	out, err := exec.Command(run.Standalone(t), "-version").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) == "" {
		t.Errorf("-version: %v %q", err, out)
	}
}
