package ipfilter

import (
	"strings"
	"time"
)

// comment takes a comment that stands behind statements on the line where they end: it names their
// rules and may end them.
func (p *parser) comment(tok token) {
	if tok.line != p.endedLine || len(p.words) > 0 {
		return
	}
	name, until, err := parseComment(tok.text)
	if err != nil {
		// Without its expiry the rule would live forever, and nobody would notice.
		p.fault(tok.line, "%s", err)
		return
	}
	for i := p.ended; i < len(p.rules); i++ {
		p.rules[i].Name, p.rules[i].Until = name, until
	}
}

const maxNameBytes = 128

type commentError string

func (e commentError) Error() string { return string(e) }

// parseComment splits a comment into the name and the time behind until=.
func parseComment(text string) (name string, until time.Time, err error) {
	var words []string
	for word := range strings.FieldsSeq(text) {
		value, found := strings.CutPrefix(word, "until=")
		if !found {
			words = append(words, word)
			continue
		}
		if !until.IsZero() {
			return "", time.Time{}, commentError("until= stands twice in the comment")
		}
		if until, err = parseUntil(value); err != nil {
			return "", time.Time{}, err
		}
	}
	name = strings.ToValidUTF8(strings.Join(words, " "), "\uFFFD")
	if len(name) > maxNameBytes {
		name = strings.ToValidUTF8(name[:maxNameBytes], "")
	}
	return name, until, nil
}

func parseUntil(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil && !t.IsZero() {
			return t.UTC(), nil
		}
	}
	return time.Time{}, commentError("until=" + cut(s) + " is not a time like 2026-12-31T00:00Z")
}
