package ipfilter

import (
	"bytes"
	"errors"
	"fmt"
)

type tokenKind uint8

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenSemicolon
	tokenComment
)

type token struct {
	kind tokenKind
	text string
	line int
}

// lexer splits a file as nginx does (ngx_conf_read_token): words are separated by white space and
// end at ";", "{" or "}"; a "#" at the beginning of a word starts a comment, one inside a word is
// part of it; a word may be quoted.
type lexer struct {
	text []byte
	pos  int
	line int
}

func (l *lexer) next() (token, error) {
	if l.pos == 0 && isUTF8BOM(l.text) {
		return token{line: 1}, errors.New("the file begins with a byte order mark, which nginx refuses; save it without")
	}
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		switch c {
		case '\n':
			l.line++
			l.pos++
		case ' ', '\t', '\r':
			l.pos++
		case ';':
			l.pos++
			return token{kind: tokenSemicolon, line: l.line}, nil
		case '#':
			start := l.pos + 1
			end := len(l.text)
			if i := bytes.IndexByte(l.text[start:], '\n'); i >= 0 {
				end = start + i
			}
			l.pos = end
			return token{kind: tokenComment, text: string(l.text[start:end]), line: l.line}, nil
		case '{', '}':
			return token{line: l.line}, fmt.Errorf("unexpected %q: an allowlist has no blocks", c)
		case '"', '\'':
			return l.quoted(c)
		default:
			return l.word()
		}
	}
	return token{kind: tokenEnd, line: l.line}, nil
}

func (l *lexer) word() (token, error) {
	start := l.pos
	for l.pos < len(l.text) {
		switch c := l.text[l.pos]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '{' || c == '}':
			return token{kind: tokenWord, text: string(l.text[start:l.pos]), line: l.line}, nil
		case c == '\\' || c < 0x20 || c == 0x7f:
			return token{line: l.line}, fmt.Errorf("unexpected character %q", c)
		}
		l.pos++
	}
	return token{kind: tokenWord, text: string(l.text[start:]), line: l.line}, nil
}

func (l *lexer) quoted(quote byte) (token, error) {
	start := l.pos + 1
	for i := start; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == '\n':
			return token{line: l.line}, errors.New("a quoted word does not end on its line")
		case c == '\\' || c < 0x20 || c == 0x7f:
			return token{line: l.line}, fmt.Errorf("unexpected character %q", c)
		case c == quote:
			l.pos = i + 1
			if l.pos < len(l.text) && bytes.IndexByte([]byte(" \t\r\n;"), l.text[l.pos]) < 0 {
				return token{line: l.line}, fmt.Errorf("unexpected character %q after a quoted word", l.text[l.pos])
			}
			return token{kind: tokenWord, text: string(l.text[start:i]), line: l.line}, nil
		}
	}
	return token{line: l.line}, errors.New("a quoted word does not end")
}
