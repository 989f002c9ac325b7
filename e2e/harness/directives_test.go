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

// The operator's block as it was handed out, one directive a line.
const operatorBlock = `server {
listen 443 ssl http2
server_name pruvon.example.internal
ssl_certificate /etc/letsencrypt/live/pruvon.example.internal/fullchain.pem
ssl_certificate_key /etc/letsencrypt/live/pruvon.example.internal/privkey.pem
allow 100.64.12.0/24
allow 10.20.30.0/24
allow 203.0.113.10
deny all
location / {
proxy_pass http://127.0.0.1:8080
proxy_http_version 1.1
proxy_set_header Host $host
proxy_set_header X-Real-IP $remote_addr
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for
proxy_set_header X-Forwarded-Proto $scheme
proxy_set_header Upgrade $http_upgrade
proxy_set_header Connection "upgrade"
proxy_read_timeout 3600
proxy_send_timeout 3600
}
}`

func TestPruvonFileIsTheOperatorsBlock(t *testing.T) {
	if have := strings.Join(harness.Directives(read(t, "pruvon.conf")), "\n"); have != operatorBlock {
		t.Errorf("pruvon.conf is\n%s\nwant\n%s", have, operatorBlock)
	}
}

func TestSiteChangesOnlyPortsNamesAndCertificates(t *testing.T) {
	got, err := site.Apply(read(t, "pruvon.conf"))
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"listen 443", "listen 127.0.0.1:8443",
		"http://127.0.0.1:8080", "http://127.0.0.1:9999",
		"/etc/letsencrypt/live/pruvon.example.internal/fullchain.pem", "/tmp/c.pem",
		"/etc/letsencrypt/live/pruvon.example.internal/privkey.pem", "/tmp/k.pem",
		"allow 100.64.12.0/24\nallow 10.20.30.0/24\nallow 203.0.113.10\ndeny all", "include /tmp/allow.conf",
	).Replace(operatorBlock)
	if have := strings.Join(harness.Directives(got), "\n"); have != want {
		t.Errorf("the served configuration is\n%s\nwant\n%s", have, want)
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
