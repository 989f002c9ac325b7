package proxyhdr

import "strings"

// element holds what is used of one forwarded-element of RFC 7239.
type element struct {
	node        string // value of for=, unescaped
	proto, host string // values of proto= and host=, unescaped
	hasNode     bool
}

// maxPairs bounds the parameters of one element; RFC 7239 defines four.
const maxPairs = 16

// parseElement reads
//
//	forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
//	forwarded-pair    = token "=" ( token / quoted-string )
//
// (RFC 7239 section 4). Each parameter may occur once, whatever its name: of two for= parameters
// one is a forgery, and nobody can tell which.
func parseElement(s string) (element, error) {
	var e element
	var names [maxPairs]string
	pairs := 0
	for {
		if s != "" && s[0] != ';' {
			n := tokenLen(s)
			if n == 0 || n == len(s) || s[n] != '=' {
				return e, ErrMalformed
			}
			name := s[:n]
			value, rest, ok := pairValue(s[n+1:])
			if !ok || pairs == maxPairs {
				return e, ErrMalformed
			}
			for _, seen := range names[:pairs] {
				if strings.EqualFold(seen, name) {
					return e, ErrMalformed
				}
			}
			names[pairs] = name
			pairs++
			switch {
			case strings.EqualFold(name, "for"):
				e.node, e.hasNode = value, true
			case strings.EqualFold(name, "proto"):
				e.proto = value
			case strings.EqualFold(name, "host"):
				e.host = value
			}
			s = rest
		}
		if s == "" {
			return e, nil
		}
		if s[0] != ';' {
			return e, ErrMalformed
		}
		s = s[1:]
	}
}

// pairValue reads a token or a quoted string and returns what follows.
func pairValue(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		n := tokenLen(s)
		return s[:n], s[n:], n > 0
	}
	escapes := false
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			value = s[1:i]
			if escapes {
				value = unescape(value)
			}
			return value, s[i+1:], true
		case c == '\\':
			escapes = true
			if i++; i == len(s) || !isQuotable(s[i]) {
				return "", "", false
			}
		case !isQuotable(c):
			return "", "", false
		}
	}
	return "", "", false
}

// unescape undoes the quoted-pairs of a quoted string's inside, which pairValue has checked.
func unescape(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// isQuotable tells whether c may stand in a quoted string: HTAB, SP, VCHAR and obs-text
// (RFC 9110 section 5.6.4).
func isQuotable(c byte) bool { return c == '\t' || c >= 0x20 && c != 0x7f }

// tokenLen returns the length of the token that s begins with (RFC 9110 section 5.6.2).
func tokenLen(s string) int {
	n := 0
	for n < len(s) && isTokenByte(s[n]) {
		n++
	}
	return n
}

func isTokenByte(c byte) bool {
	return isAlnum(c) || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
