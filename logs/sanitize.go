package logs

import "unicode/utf8"

// maxSGR is the longest "select graphic rendition" sequence that passes, ESC
// and final byte included. Real ones (two 24-bit colours and attributes) stay
// under 50.
const maxSGR = 64

// hex is lower case because JSON escapes and Go literals are.
const hex = "0123456789abcdef"

// plain marks the bytes that stand for themselves in a line and in a JSON
// string alike.
var plain = func() (t [256]bool) {
	for c := 0x20; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// sanitizeText returns the text of a line with everything made visible that a
// terminal or a browser might act on. Only TAB and complete SGR sequences (ESC
// [ digits ; : m) pass. Other C0 controls and DEL become their Unicode control
// pictures, so that an ESC is seen as U+241B; C1 controls, line and paragraph
// separators, bidirectional controls, invisible formatting and the byte order
// mark become \uXXXX; bytes that are no UTF-8 become \xXX. Sanitizing twice
// changes nothing more, the result is valid UTF-8, and it is at most four
// times as long as the input.
func sanitizeText(dst, line []byte) []byte {
	dst, _ = sanitize(dst, line, false)
	return dst
}

// sanitizeJSON is sanitizeText followed by JSON string escaping, in one pass.
func sanitizeJSON(dst, line []byte) []byte {
	dst, _ = sanitize(dst, line, true)
	return dst
}

// visible says what sanitize has made visible.
type visible struct{ invalid, control bool }

func sanitize(dst, line []byte, asJSON bool) (_ []byte, made visible) {
	start := 0 // of the run of plain bytes not copied yet
	for i := 0; i < len(line); {
		for i < len(line) && plain[line[i]] {
			i++
		}
		if i == len(line) {
			break
		}
		c := line[i]
		dst = append(dst, line[start:i]...)
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(line[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				made.invalid = true
				dst = visibleByte(dst, c, asJSON)
			case isHidden(r):
				made.control = true
				dst = visibleRune(dst, r, asJSON)
			default:
				dst = append(dst, line[i:i+n]...)
			}
			i += n
		case c == '"' || c == '\\':
			if asJSON {
				dst = append(dst, '\\')
			}
			dst = append(dst, c)
			i++
		case c == '\t':
			if asJSON {
				dst = append(dst, '\\')
				c = 't'
			}
			dst = append(dst, c)
			i++
		case c == 0x1b:
			n := sgr(line[i:])
			if n == 0 {
				made.control = true
				dst = append(dst, "\u241b"...)
				i++
				break
			}
			if asJSON {
				dst = append(dst, `\u001b`...)
			} else {
				dst = append(dst, c)
			}
			dst = append(dst, line[i+1:i+n]...)
			i += n
		case c == 0x7f:
			made.control = true
			dst = append(dst, "\u2421"...)
			i++
		default:
			made.control = true
			dst = utf8.AppendRune(dst, 0x2400+rune(c))
			i++
		}
		start = i
	}
	return append(dst, line[start:]...), made
}

// sgr returns the length of the SGR sequence that b begins with, or 0.
func sgr(b []byte) int {
	if len(b) < 3 || b[1] != '[' {
		return 0
	}
	for i := 2; i < len(b) && i < maxSGR; i++ {
		switch c := b[i]; {
		case c == 'm':
			return i + 1
		case c >= '0' && c <= '9', c == ';', c == ':':
		default:
			return 0
		}
	}
	return 0
}

// isHidden says which runes act on the text around them or cannot be seen. The
// bidirectional controls are those of Unicode UAX #9, known from the "Trojan
// Source" attack (CVE-2021-42574).
func isHidden(r rune) bool {
	switch {
	case r < 0x80:
		return false
	case r <= 0x9f: // C1
		return true
	case r == 0xad, // soft hyphen
		r == 0x61c,                 // Arabic letter mark
		r == 0x180e,                // Mongolian vowel separator
		r >= 0x200b && r <= 0x200c, // zero width space and non-joiner
		r >= 0x200e && r <= 0x200f, // direction marks
		r >= 0x2028 && r <= 0x202e, // line and paragraph separator, bidi embeddings
		r >= 0x2060 && r <= 0x206f, // word joiner, bidi isolates, deprecated format characters
		r == 0xfeff,                // byte order mark
		r >= 0xfff9 && r <= 0xfffb, // interlinear annotation
		r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

func visibleByte(dst []byte, c byte, asJSON bool) []byte {
	if asJSON {
		dst = append(dst, '\\')
	}
	return append(dst, '\\', 'x', hex[c>>4], hex[c&15])
}

func visibleRune(dst []byte, r rune, asJSON bool) []byte {
	if asJSON {
		dst = append(dst, '\\')
	}
	if r > 0xffff {
		dst = append(dst, '\\', 'U')
		for shift := 20; shift >= 16; shift -= 4 {
			dst = append(dst, hex[r>>shift&15])
		}
	} else {
		dst = append(dst, '\\', 'u')
	}
	for shift := 12; shift >= 0; shift -= 4 {
		dst = append(dst, hex[r>>shift&15])
	}
	return dst
}

// unescape undoes the JSON escaping of sanitizeJSON: the text of a line from
// its encoded form. It knows only the escapes that sanitizeJSON writes.
func unescape(dst, enc []byte) []byte {
	for i := 0; i < len(enc); i++ {
		c := enc[i]
		if c != '\\' || i+1 == len(enc) {
			dst = append(dst, c)
			continue
		}
		i++
		switch enc[i] {
		case 't':
			dst = append(dst, '\t')
		case 'u': // only \u001b is written
			dst = append(dst, 0x1b)
			i += 4
		default:
			dst = append(dst, enc[i])
		}
	}
	return dst
}

// stripSGR removes the colours from a sanitized line, for matching.
func stripSGR(dst, line []byte) []byte {
	for i := 0; i < len(line); {
		if line[i] == 0x1b {
			if n := sgr(line[i:]); n > 0 {
				i += n
				continue
			}
		}
		dst = append(dst, line[i])
		i++
	}
	return dst
}
