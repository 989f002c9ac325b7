package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const goodNginx = `server {
    listen 443 ssl http2;
    allow 10.20.30.0/24; # office
    deny all;
    location / {
        proxy_pass http://127.0.0.1:8080;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_read_timeout 3600;
        proxy_send_timeout 3600;
    }
}
`

func nginxWarnings(t *testing.T, text string, cfg config) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nginx.conf")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	list, err := readNginx(file)
	require.NoError(t, err)
	return checkNginx(list, cfg)
}

func TestNginxCheckNamesWhatIsMissing(t *testing.T) {
	cfg := config{Listen: "127.0.0.1:8080"}
	assert.Empty(t, nginxWarnings(t, goodNginx, cfg))
	tests := []struct{ remove, want string }{
		{"proxy_http_version 1.1;", "proxy_http_version 1.1;"},
		{"proxy_set_header Upgrade $http_upgrade;", "Upgrade $http_upgrade"},
		{`proxy_set_header Connection "upgrade";`, `Connection "upgrade"`},
		{"proxy_set_header Host $host;", "Host $host"},
		{"proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;", "X-Forwarded-For"},
		{"proxy_set_header X-Forwarded-Proto $scheme;", "X-Forwarded-Proto"},
		{"allow 10.20.30.0/24; # office\n    deny all;", "no allow and deny"},
		{"proxy_pass http://127.0.0.1:8080;", "no proxy_pass"},
	}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			text := strings.Replace(goodNginx, tt.remove, "", 1)
			require.NotEqual(t, goodNginx, text)
			got := nginxWarnings(t, text, cfg)
			require.Len(t, got, 1)
			assert.Contains(t, got[0], tt.want)
		})
	}
	got := nginxWarnings(t, strings.Replace(goodNginx, "read_timeout 3600", "read_timeout 30s", 1), cfg)
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "proxy_read_timeout 30s")
	other := strings.Replace(goodNginx, "listen 443", "listen [::]:8443", 1)
	got = nginxWarnings(t, other, cfg)
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "set origins")
	withOrigins := cfg
	withOrigins.Origins = []string{"https://pruvon.example.internal:8443"}
	assert.Empty(t, nginxWarnings(t, other, withOrigins))
	assert.Empty(t, nginxWarnings(t, strings.Replace(goodNginx, "listen 443", "listen 10.0.0.1:443", 1), cfg))
	cfg.UserHeader = "X-Remote-User"
	got = nginxWarnings(t, goodNginx, cfg)
	require.Len(t, got, 1)
	assert.Contains(t, got[0], "X-Remote-User")
}

// A block with one proxy_set_header of its own inherits none.
func TestNginxInheritance(t *testing.T) {
	text := `http {
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection upgrade;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_http_version 1.1;
    deny all;
    upstream ops { server 127.0.0.1:8080; }
    server { location / { proxy_pass http://ops; proxy_set_header Host $host; } }
}`
	got := nginxWarnings(t, text, config{Listen: "127.0.0.1:8080"})
	assert.Len(t, got, 4, "%q", got)
	same := strings.Replace(text, "proxy_set_header Host $host; }", "}", 1)
	same = strings.Replace(same, "http {", "http { proxy_set_header Host $host;", 1)
	assert.Empty(t, nginxWarnings(t, same, config{Listen: "127.0.0.1:8080"}))
}

func TestNginxIncludesAndSyntax(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		f := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(f, []byte(text), 0o600))
		return f
	}
	write("allow.conf", "allow 10.0.0.0/8; deny all;")
	main := write("n.conf", "server { include allow.conf; set $x \"a;b{\"; return 301 https://${host}$uri; }")
	list, err := readNginx(main)
	require.NoError(t, err)
	require.Len(t, list, 1)
	assert.Len(t, list[0].find("allow"), 1)
	assert.Equal(t, []string{"301", "https://${host}$uri"}, list[0].find("return")[0].args)
	for text, want := range map[string]string{
		"server {":           "missing }",
		"}":                  "unexpected }",
		"listen 80":          "not ended by ;",
		"a \"b":              "a quote is not closed",
		"include loop.conf;": "nested too deeply",
	} {
		_, err := readNginx(write("loop.conf", text))
		assert.ErrorContains(t, err, want)
	}
}

func TestCheckFindsTheUsualMistakes(t *testing.T) {
	dir := t.TempDir()
	state := "pruvon:\n  state_dir: " + dir + "\n"
	empty := filepath.Join(dir, "empty.conf")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	faulty := filepath.Join(dir, "faulty.conf")
	require.NoError(t, os.WriteFile(faulty, []byte("allow 10.0.0.0/8;\nalow 10.1.0.1;\n"), 0o600))
	tests := []struct {
		name, yaml string
		code       int
		want       string
	}{
		{"fine", state, 0, "test is successful"},
		{"origins missing", state, 0, "origins is not set"},
		{"listen not loopback", state + "  listen: 0.0.0.0:8080\n", 1, "other machines"},
		{"listen on 443 without origins", state + "  listen: 127.0.0.1:443\n", 1, "set origins"},
		{"bad origin", state + "  origins: [pruvon.example]\n", 1, "Origins[0]"},
		{"bad proxy", state + "  trusted_proxies: [10.0.0.0/33]\n", 1, "trusted_proxies"},
		{"everybody trusted", state + "  trusted_proxies: [0.0.0.0/0]\n", 0, "trusted_proxies: "},
		{"allowlist missing", state + "  allowlist: " + dir + "/none.conf\n", 1, "none.conf"},
		{"allowlist empty", state + "  allowlist: " + empty + "\n", 0, empty + ": the list is empty"},
		{"allowlist faulty", state + "  allowlist: " + faulty + "\n", 1, faulty + ":2"},
		{"public listen said by name", state + "  listen: 0.0.0.0:8080\n  allow_public_listen: true\n  origins: [http://x.example:8080]\n", 0, "can go round nginx"},
		{"users unknown", state, 0, "user_header is not set"},
		{"unreadable log", state + "logs:\n  a: {file: " + dir + "/none.log}\n", 1, "none.log"},
		{"bad exit policy", state + "imports:\n  a: {command: [cat], exit: maybe}\n", 1, "exit"},
		{"bad name", state + "terminals:\n  ../x: {command: [sh]}\n", 1, "../x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := parseConfig("c.yml", []byte(tt.yaml))
			require.NoError(t, err)
			var out bytes.Buffer
			assert.Equal(t, tt.code, runCheck(cfg, "", &out, &out), out.String())
			assert.Contains(t, out.String(), tt.want)
		})
	}
}

func TestCheckPrintsWhatLooksWrongInTheAllowlist(t *testing.T) {
	list := filepath.Join(t.TempDir(), "allow.conf")
	require.NoError(t, os.WriteFile(list, []byte("allow 10.0.0.0/8;\nallow 10.1.0.0/16;\nallow 127.0.0.1;\ndeny all;\n"), 0o600))
	cfg, err := parseConfig("c.yml", []byte("pruvon:\n  allowlist: "+list+"\n"))
	require.NoError(t, err)
	text := strings.Join(slices.Concat(libraryWarnings(cfg), warnings(cfg)), "\n")
	assert.Contains(t, text, list+":2", "a shadowed rule")
	assert.Contains(t, text, "trusted_proxies", "a client inside a trusted range")
}
