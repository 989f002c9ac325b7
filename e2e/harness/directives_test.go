package harness_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

var site = harness.Site{
	Listen: "127.0.0.1:8443", Upstream: "127.0.0.1:9999", CertFile: "/tmp/c.pem", KeyFile: "/tmp/k.pem", Allowlist: "/tmp/allow.conf",
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../examples/nginx", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSiteChangesOnlyPortsNamesAndCertificates(t *testing.T) {
	got, err := site.Apply(read(t, "pruvon.conf"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"server {",
		"listen 127.0.0.1:8443 ssl http2",
		"server_name pruvon.example.internal",
		"ssl_certificate /tmp/c.pem",
		"ssl_certificate_key /tmp/k.pem",
		"include /tmp/allow.conf",
		"location / {",
		"proxy_pass http://127.0.0.1:9999",
		"proxy_http_version 1.1",
		"proxy_set_header Host $host",
		"proxy_set_header X-Real-IP $remote_addr",
		"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for",
		"proxy_set_header X-Forwarded-Proto $scheme",
		"proxy_set_header Upgrade $http_upgrade",
		`proxy_set_header Connection "upgrade"`,
		"proxy_read_timeout 3600",
		"proxy_send_timeout 3600",
		"}",
		"}",
	}
	if have := harness.Directives(got); strings.Join(have, "\n") != strings.Join(want, "\n") {
		t.Errorf("the served configuration is\n%s\nwant\n%s", strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func TestRedirectFileIsThreeDirectives(t *testing.T) {
	want := "server {\nlisten 80\nserver_name pruvon.example.internal\nreturn 301 https://$host$request_uri\n}"
	if have := strings.Join(harness.Directives(read(t, "redirect.conf")), "\n"); have != want {
		t.Errorf("redirect.conf is\n%s\nwant\n%s", have, want)
	}
}

func TestAllowlistFileEndsInDenyAll(t *testing.T) {
	want := "allow 10.20.30.0/24\nallow 100.90.10.5\ndeny all"
	if have := strings.Join(harness.Directives(read(t, "allowlist.conf")), "\n"); have != want {
		t.Errorf("allowlist.conf is\n%s\nwant\n%s", have, want)
	}
}

func TestSiteRefusesAConfigurationItCannotKeep(t *testing.T) {
	// A directive over two lines would be changed in its first line only.
	if got, err := site.Apply("listen 443\n  ssl;\n"); err == nil {
		t.Errorf("accepted: %q", got)
	}
	if _, err := site.Apply("server_name a;\nproxy_pass http://old;\n"); err != nil {
		t.Error(err)
	}
}
