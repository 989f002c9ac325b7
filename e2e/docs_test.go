package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

// blocks returns the fenced blocks of a language in the README and in docs, each with the file it is in.
func blocks(t *testing.T, language string) (texts, from []string) {
	t.Helper()
	files, err := filepath.Glob("../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	fence := regexp.MustCompile("(?s)```" + language + "\n(.*?)```")
	for _, file := range append(files, "../README.md") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllStringSubmatch(string(data), -1) {
			texts, from = append(texts, m[1]), append(from, filepath.Base(file))
		}
	}
	if len(texts) == 0 {
		t.Fatalf("no document has a block of %s: the test looks in the wrong place", language)
	}
	return texts, from
}

// nginxAccepts runs nginx -t over what an operator would paste into a file of conf.d, a server or a
// location. Only ports, certificates and the upstream are this machine's.
func nginxAccepts(t *testing.T, block string) error {
	t.Helper()
	if !strings.Contains(block, "server {") {
		if !strings.Contains(block, "location ") {
			block = "location / {\n" + block + "}\n"
		}
		block = "server {\n    listen 80;\n" + block + "}\n"
	}
	dir := run.Sub(t)
	site := harness.Site{
		Listen: fmt.Sprintf("127.0.0.1:%d", harness.FreePort(t)), Upstream: "127.0.0.1:8080",
		CertFile: run.Cert.CertFile, KeyFile: run.Cert.KeyFile,
	}
	text, err := site.Apply(block)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "nginx.conf")
	config := fmt.Sprintf("pid %[1]s/nginx.pid;\nerror_log %[1]s/error.log;\nevents {}\nhttp {\naccess_log off;\n%[2]s}\n", dir, text)
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(harness.Binary(t, "nginx"), "-t", "-c", file, "-e", filepath.Join(dir, "error.log")).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s\n%s", err, out, config)
	}
	return nil
}

func TestNginxAcceptsWhatTheDocsSay(t *testing.T) {
	texts, from := blocks(t, "nginx")
	examples, err := filepath.Glob("../examples/nginx/*.conf")
	if err != nil || len(examples) == 0 {
		t.Fatal(examples, err)
	}
	for _, file := range examples {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts, from = append(texts, string(data)), append(from, filepath.Base(file))
	}
	for i, text := range texts {
		if err := nginxAccepts(t, text); err != nil {
			t.Errorf("%s: %v", from[i], err)
		}
	}
	if nginxAccepts(t, "proxy_set_heder Host $host;") == nil {
		t.Error("a misspelt directive passes: the test proves nothing")
	}
}

// What the README tells operators to paste lacks nothing that -check -nginx looks for, and is the
// configuration that the other tests run.
func TestTheServerOfTheReadmeIsComplete(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(readme), "```nginx\n")
	block, _, _ = strings.Cut(block, "```")
	example, err := os.ReadFile("../examples/nginx/pruvon.conf")
	if err != nil {
		t.Fatal(err)
	}
	acts := func(config string) string {
		var out []string
		for _, d := range harness.Directives(config) {
			if !strings.HasPrefix(d, "allow ") {
				out = append(out, d)
			}
		}
		return strings.Join(out, "\n")
	}
	if a, b := acts(block), acts(string(example)); a != b {
		t.Errorf("the README's server is\n%s\nand examples/nginx/pruvon.conf is\n%s", a, b)
	}
	dir := run.Sub(t)
	config, site := filepath.Join(dir, "pruvon.yml"), filepath.Join(dir, "site.conf")
	check := func(nginx string) string {
		for file, text := range map[string]string{config: "pruvon:\n  listen: 127.0.0.1:8080\n  state_dir: " + dir + "\n", site: nginx} {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command(run.Standalone(t), "-check", "-config", config, "-nginx", site).CombinedOutput()
		if err != nil {
			t.Fatalf("-check: %v\n%s", err, out)
		}
		return string(out)
	}
	if out := check(block); strings.Contains(out, site) {
		t.Errorf("-check -nginx says of the README's server:\n%s", out)
	}
	if out := check(strings.Replace(block, `proxy_set_header Connection        "upgrade";`, "", 1)); !strings.Contains(out, site) || !strings.Contains(out, "Connection") {
		t.Errorf("-check -nginx does not miss the Connection line:\n%s", out)
	}
}

// systemd reads the unit without a word; only the path of the binary is this machine's.
func TestSystemdAcceptsTheUnit(t *testing.T) {
	unit, err := os.ReadFile("../examples/standalone/pruvon.service")
	if err != nil {
		t.Fatal(err)
	}
	verify := func(text string) string {
		file := filepath.Join(run.Sub(t), "pruvon.service")
		text = strings.ReplaceAll(text, "/usr/local/bin/pruvon", run.Standalone(t))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(harness.Binary(t, "systemd-analyze"), "verify", "--man=no", file).CombinedOutput()
		if err != nil {
			return err.Error() + "\n" + string(out)
		}
		return string(out)
	}
	if out := verify(string(unit)); out != "" {
		t.Errorf("systemd-analyze verify: %s", out)
	}
	if verify(strings.Replace(string(unit), "KillMode=", "KillMod=", 1)) == "" {
		t.Error("a misspelt key passes: the test proves nothing")
	}
}

// The commands that operators are told to type are at least a shell's.
func TestShellBlocksParse(t *testing.T) {
	texts, from := blocks(t, "sh")
	for i, text := range texts {
		cmd := exec.Command("/bin/sh", "-n")
		cmd.Stdin = strings.NewReader(text)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", from[i], err, out, text)
		}
	}
}
