package main

import (
	"regexp"
	"testing"
)

// FuzzNginxConf: whatever an operator's file holds, -check -nginx says where
// the fault is, or what it thinks of it.
func FuzzNginxConf(f *testing.F) {
	for _, s := range []string{
		"server { listen 443 ssl; location / { proxy_pass http://127.0.0.1:8080; proxy_set_header Host $host; } }",
		"a 'b c' \"d\n\" ${e} # f\n;", "a", "}", "{", "a {", "a \"", "a ${", "\"\" ;", "a \"\";", "location / { proxy_pass; proxy_read_timeout 1h2m x; }",
		"http { proxy_set_header; server { location / { proxy_pass http://127.0.0.1:8080; proxy_set_header Upgrade; } } }",
	} {
		f.Add(s)
	}
	at := regexp.MustCompile(`^c\.conf:\d+: `)
	cfg, err := parseConfig("pruvon.yml", nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p := &nginxParser{file: "c.conf", text: text, line: 1}
		list, err := p.block(false)
		if err != nil {
			if !at.MatchString(err.Error()) {
				t.Fatalf("a fault without file and line: %v", err)
			}
			return
		}
		for _, said := range checkNginx(list, cfg) {
			if said == "" {
				t.Fatal("an empty fault")
			}
		}
	})
}
