package harness

import (
	"fmt"
	"slices"
	"strings"
)

// Directives reduces an nginx configuration to what nginx acts on: one entry for each directive, block
// start and block end, comments and spacing gone. Quotes are kept as written; the files of examples/nginx
// quote nothing that contains a space, a brace or a semicolon.
func Directives(config string) []string {
	var out []string
	var current []string
	flush := func(end string) {
		if len(current) > 0 || end != ";" {
			out = append(out, strings.TrimSpace(strings.Join(current, " ")+" "+strings.Trim(end, ";")))
		}
		current = nil
	}
	for line := range strings.Lines(config) {
		line, _, _ = strings.Cut(line, "#")
		for _, mark := range []string{";", "{", "}"} {
			line = strings.ReplaceAll(line, mark, " "+mark+" ")
		}
		for _, word := range strings.Fields(line) {
			switch word {
			case ";", "{", "}":
				flush(word)
			default:
				current = append(current, word)
			}
		}
	}
	return out
}

// Site is what a test may change in a file of examples/nginx: the ports, the names and the certificate
// of one machine, and which addresses are its operators'.
type Site struct {
	Listen    string // address:port of the TLS or redirecting server
	Upstream  string // address:port of Pruvon
	CertFile  string
	KeyFile   string
	Allowlist string // path of a file that replaces the allow and deny lines; "" keeps them
}

// Apply returns config with the site's values in place of the operator's, and fails when anything else
// would differ.
func (s Site) Apply(config string) (string, error) {
	var out strings.Builder
	included := false
	for line := range strings.Lines(config) {
		words := strings.Fields(strings.TrimSuffix(strings.TrimSpace(line), ";"))
		if len(words) < 2 || strings.HasPrefix(words[0], "#") {
			out.WriteString(line)
			continue
		}
		switch words[0] {
		case "listen":
			words[1] = s.Listen
		case "ssl_certificate":
			words[1] = s.CertFile
		case "ssl_certificate_key":
			words[1] = s.KeyFile
		case "proxy_pass":
			words[1] = "http://" + s.Upstream
		case "allow", "deny":
			if s.Allowlist == "" {
				break
			}
			if included {
				continue
			}
			included = true
			words = []string{"include", s.Allowlist}
		default:
			out.WriteString(line)
			continue
		}
		out.WriteString(strings.Join(words, " ") + ";\n")
	}
	return out.String(), s.check(config, out.String())
}

// check compares the directives before and after, word by word.
func (s Site) check(before, after string) error {
	was, is := Directives(before), Directives(after)
	if s.Allowlist != "" {
		access := func(d string) bool { return strings.HasPrefix(d, "allow ") || strings.HasPrefix(d, "deny ") }
		was = slices.DeleteFunc(was, access)
		is = slices.DeleteFunc(is, func(d string) bool { return d == "include "+s.Allowlist })
	}
	if len(was) != len(is) {
		return fmt.Errorf("%d directives became %d", len(was), len(is))
	}
	for i := range was {
		a, b := strings.Fields(was[i]), strings.Fields(is[i])
		if len(a) != len(b) || a[0] != b[0] {
			return fmt.Errorf("directive %q became %q", was[i], is[i])
		}
		replaceable := map[string]string{
			"listen": s.Listen, "ssl_certificate": s.CertFile, "ssl_certificate_key": s.KeyFile, "proxy_pass": "http://" + s.Upstream,
		}
		for j := 1; j < len(a); j++ {
			if a[j] != b[j] && (j != 1 || replaceable[a[0]] != b[j]) {
				return fmt.Errorf("directive %q became %q", was[i], is[i])
			}
		}
	}
	return nil
}
