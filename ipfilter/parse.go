package ipfilter

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// Bounds of an allowlist file. They are far above any real list.
const (
	maxFileBytes = 64 << 20
	maxRules     = 1 << 20
	maxFaults    = 20 // reported at once
)

// ParseError is a fault in an allowlist, with its place.
type ParseError struct {
	File string // "" if the reader has no name
	Line int    // starting at 1
	Msg  string
}

// Error returns "file:line: message".
func (e *ParseError) Error() string {
	return "ipfilter: " + (Rule{File: e.File, Line: e.Line}).Position() + ": " + e.Msg
}

// Parse reads a list in nginx's syntax: "allow" or "deny", then "all", "unix:", an address or a
// CIDR prefix, then ";". Statements may share a line or span several, "#" begins a comment,
// arguments may be quoted. A comment behind a statement, on the line where it ends, gives the rule
// a name, and with until=TIME an expiry: RFC 3339, of which the seconds, or the time of day
// (midnight) with the zone (UTC), may be left out.
//
// Any other directive is an error, as is an address that nginx and this package would read
// differently, such as one with leading zeros. Errors are *ParseError, joined, at most 20. If r
// has a Name method, like *os.File, it gives the file's name.
func Parse(r io.Reader) (Rules, error) {
	name := ""
	if named, ok := r.(interface{ Name() string }); ok {
		name = named.Name()
	}
	text, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("ipfilter: %w", err)
	}
	return parse(name, text)
}

func parse(name string, text []byte) (Rules, error) {
	if len(text) > maxFileBytes {
		return nil, &ParseError{File: name, Line: 1, Msg: fmt.Sprintf("the file is larger than %d MiB", maxFileBytes>>20)}
	}
	p := parser{file: name, lexer: lexer{text: text, line: 1}}
	p.run()
	if len(p.faults) > 0 {
		return nil, errors.Join(p.faults...)
	}
	return p.rules, nil
}

type parser struct {
	lexer
	file   string
	rules  Rules
	faults []error

	words     []string // of the statement being read
	firstLine int      // where it began
	ended     int      // rules before this index ended on an earlier line
	endedLine int
}

func (p *parser) fault(line int, format string, args ...any) {
	p.faults = append(p.faults, &ParseError{File: p.file, Line: line, Msg: fmt.Sprintf(format, args...)})
}

func (p *parser) run() {
	for len(p.faults) < maxFaults {
		tok, err := p.next()
		if err != nil {
			p.fault(tok.line, "%s", err)
			return // where the next statement begins cannot be known
		}
		switch tok.kind {
		case tokenEnd:
			if len(p.words) > 0 {
				p.fault(p.firstLine, "the file ends before the %q statement does: \";\" is missing", p.words[0])
			}
			return
		case tokenWord:
			if len(p.words) == 0 {
				p.firstLine = tok.line
			}
			p.words = append(p.words, tok.text)
		case tokenSemicolon:
			p.statement(tok.line)
		case tokenComment:
			p.comment(tok)
		}
	}
}

func (p *parser) statement(line int) {
	words := p.words
	p.words = p.words[:0]
	if p.endedLine != line {
		p.ended, p.endedLine = len(p.rules), line
	}
	switch {
	case len(words) == 0:
		p.fault(line, "unexpected \";\"")
	case words[0] != "allow" && words[0] != "deny":
		p.fault(p.firstLine, "unknown directive %q: only allow and deny may stand here", cut(words[0]))
	case len(words) != 2:
		p.fault(p.firstLine, "%s takes one argument, not %d%s", words[0], len(words)-1, missingSemicolon(words))
	case len(p.rules) == maxRules:
		p.fault(p.firstLine, "more than %d rules", maxRules)
	default:
		rule, err := parseTarget(words[1])
		if err != nil {
			p.fault(p.firstLine, "%s %q: %s", words[0], cut(words[1]), err)
			return
		}
		rule.Allow = words[0] == "allow"
		rule.File, rule.Line = p.file, p.firstLine
		p.rules = append(p.rules, rule)
	}
}

// missingSemicolon recognizes the usual reason for a wrong number of arguments.
func missingSemicolon(words []string) string {
	for _, w := range words[1:] {
		if w == "allow" || w == "deny" {
			return ": is a \";\" missing?"
		}
	}
	return ""
}

// parseTarget reads what nginx's ngx_http_access_module takes. Where nginx is more lenient than
// the textual form of RFC 4291 and RFC 3986, the rule is refused: a reader of the file could take
// it for another one.
func parseTarget(s string) (Rule, error) {
	switch s {
	case "all":
		return Rule{Kind: All}, nil
	case "unix:":
		return Rule{Kind: Unix}, nil
	}
	text, bits, masked := strings.Cut(s, "/")
	addr, err := netip.ParseAddr(text)
	switch {
	case err == nil && addr.Zone() != "":
		return Rule{}, errors.New("a zone has no meaning in a list; leave it out")
	case err != nil && hasLeadingZero(text):
		return Rule{}, errors.New("a number with leading zeros is octal to some readers; write it without")
	case err != nil:
		return Rule{}, errors.New("not an address, a CIDR prefix, \"all\" or \"unix:\"")
	}
	if !masked {
		return Rule{Prefix: netip.PrefixFrom(addr, addr.BitLen())}, nil
	}
	n, ok := parseBits(bits)
	if !ok || n > addr.BitLen() {
		return Rule{}, fmt.Errorf("the mask must be a number from 0 to %d", addr.BitLen())
	}
	return Rule{Prefix: netip.PrefixFrom(addr, n)}, nil
}

func parseBits(s string) (int, bool) {
	if s == "" || len(s) > 3 || (len(s) > 1 && s[0] == '0') {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

func hasLeadingZero(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if len(part) > 1 && part[0] == '0' && strings.Trim(part, "0123456789") == "" {
			return true
		}
	}
	return false
}

// cut shortens text from a file for a message that quotes it.
func cut(s string) string {
	const limit = 64
	if len(s) > limit {
		return s[:limit] + "…"
	}
	return s
}

// isUTF8BOM: some editors begin a file with a byte order mark; nginx refuses it, and so does the
// lexer, but with a message that says what it is.
func isUTF8BOM(text []byte) bool { return bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) }
