package logs

import (
	"bytes"
	"regexp"
)

// redacted stands where a secret stood.
const redacted = "${1}[redacted]"

// secretRules are the known shapes of secrets. The first group is kept. A rule
// runs only on lines that hold one of its hints, compared without case: that is
// what makes redaction cheap for the lines that have none.
var secretRules = []struct {
	hints []string
	re    *regexp.Regexp
}{
	// Authorization: Bearer x, Proxy-Authorization: Basic x
	{[]string{"authorization"}, regexp.MustCompile(`(?i)(authorization["']?\s*[:=]\s*["']?(?:[a-z][a-z0-9_-]*\s+)?)[^\s"',;]+`)},
	{[]string{"bearer "}, regexp.MustCompile(`(?i)(bearer\s+)[a-z0-9._~+/=-]{8,}`)},
	{[]string{"cookie"}, regexp.MustCompile(`(?i)((?:set-)?cookie["']?\s*[:=]\s*["']?)[^\r\n"']+`)},
	// password=x, "api_key": "x", ?access_token=x
	{
		[]string{"passw", "pwd", "secret", "token", "api_key", "apikey", "api-key", "credential", "private_key"},
		regexp.MustCompile(`(?i)((?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|credentials?|private_key)["']?\s*[:=]\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'&,;}\]]+)`),
	},
	// A JSON web token anywhere.
	{[]string{"eyj"}, regexp.MustCompile(`()eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`)},
	// https://user:password@host
	{[]string{"://"}, regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@"']*:)[^\s/@"']+@`)},
	// Keys of well-known services.
	{[]string{"akia", "ghp_", "xox", "sk_live_"}, regexp.MustCompile(`()\b(?:AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|xox[abprs]-[A-Za-z0-9-]{10,}|sk_live_[A-Za-z0-9]{16,})`)},
}

// RedactSecrets is a ready-made [Config] Redact: it takes out what looks like
// an Authorization or Cookie header, a bearer or JSON web token, a password,
// token, secret or API key by the name that stands before it, the password of
// a URL, and keys of a few well-known services. It works line by line, so a
// secret that spans lines (a PEM block) is not recognized, and neither is one
// that nothing tells from other text.
func RedactSecrets(line []byte) []byte {
	for _, r := range secretRules {
		for _, h := range r.hints {
			if !containsFold(line, h) {
				continue
			}
			repl := redacted
			if h == "://" {
				repl += "@"
			}
			line = r.re.ReplaceAll(line, []byte(repl))
			break
		}
	}
	return line
}

// containsFold looks for an ASCII word in lower case, whatever its case in b.
func containsFold(b []byte, word string) bool {
	lower, upper := word[0], word[0]
	if isLetter(lower) {
		upper -= 0x20
	}
	for len(b) >= len(word) {
		i := bytes.IndexByte(b, lower)
		if upper != lower {
			limit := len(b)
			if i >= 0 {
				limit = i
			}
			if j := bytes.IndexByte(b[:limit], upper); j >= 0 {
				i = j
			}
		}
		if i < 0 || len(b)-i < len(word) {
			return false
		}
		if bytes.EqualFold(b[i:i+len(word)], []byte(word)) {
			return true
		}
		b = b[i+1:]
	}
	return false
}
