package logs

import (
	"math/bits"
	"regexp"
)

// redacted stands where a secret stood; what a rule's groups hold is kept.
const redacted = "${1}[redacted]${2}"

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
	{[]string{"@"}, regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@"']*:)[^\s/@"']+(@)`)},
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
	for rules := suspects(line); rules != 0; rules &= rules - 1 {
		line = secretRules[bits.TrailingZeros(rules)].re.ReplaceAll(line, []byte(redacted))
	}
	return line
}

// hint is a word that stands in lines for a rule, after its first letter.
type hint struct {
	rest string
	rule uint
}

// hints are the words of all rules by their first byte, in lower and in upper
// case.
var hints = func() (byFirst [256][]hint) {
	for i, r := range secretRules {
		for _, h := range r.hints {
			at := hint{h[1:], 1 << i}
			byFirst[h[0]] = append(byFirst[h[0]], at)
			if isLetter(h[0]) {
				byFirst[h[0]-0x20] = append(byFirst[h[0]-0x20], at)
			}
		}
	}
	return byFirst
}()

// suspects is the set of rules that could apply to a line, a bit each: one pass
// over it for all of them.
func suspects(line []byte) (rules uint) {
	for i, c := range line {
		for _, h := range hints[c] {
			if rules&h.rule == 0 && hasFold(line[i+1:], h.rest) {
				rules |= h.rule
			}
		}
	}
	return rules
}

// hasFold says whether b begins with an ASCII word in lower case, whatever the
// case in b.
func hasFold(b []byte, word string) bool {
	if len(b) < len(word) {
		return false
	}
	for i := range len(word) {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
