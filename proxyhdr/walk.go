package proxyhdr

// Bounds of the walk. No proxy comes near them; whoever exceeds them is refused, never cut.
const (
	// maxHopBytes is more than the longest address with brackets and port, 53 bytes.
	maxHopBytes = 64
	// maxElementBytes bounds an element of Forwarded, whose parameters may be longer.
	maxElementBytes = 1024
	// maxPadding bounds the commas, blanks and empty lines that are skipped in one walk. RFC 9110
	// section 5.6.1.2 wants a reasonable number of empty elements ignored, not any number.
	maxPadding = 1024
)

// listWalk yields the elements of a list field (RFC 9110 section 5.6.1) from right to left, over
// all its lines, without looking at anything left of the element it yields. That keeps whatever a
// client wrote, which stands to the left, from changing how a proxy's part is read, and makes the
// cost independent of the field's length.
type listWalk struct {
	lines   []string
	rest    string // what is left of the line being read
	padding int    // how much more may be skipped
	quoted  bool   // elements may hold quoted strings: Forwarded
}

func newListWalk(lines []string, quoted bool) listWalk {
	w := listWalk{lines: lines, padding: maxPadding, quoted: quoted}
	w.line()
	return w
}

// line moves on to the line before; false if there is none.
func (w *listWalk) line() bool {
	n := len(w.lines)
	if n == 0 {
		return false
	}
	w.rest, w.lines = w.lines[n-1], w.lines[:n-1]
	return true
}

// next returns the element before, without the white space around it. An empty element with a nil
// error is the end: empty elements of the field are skipped.
func (w *listWalk) next() (string, error) {
	var end int
	for {
		for end = len(w.rest); end > 0 && isPadding(w.rest[end-1]); end-- {
			if w.padding--; w.padding < 0 {
				return "", ErrTooLong
			}
		}
		if end > 0 {
			break
		}
		if !w.line() {
			return "", nil
		}
		if w.padding--; w.padding < 0 {
			return "", ErrTooLong
		}
	}
	start, err := end, error(nil)
	if w.quoted {
		start, err = quotedStart(w.rest[:end])
	} else {
		start, err = plainStart(w.rest[:end])
	}
	if err != nil {
		return w.rest[max(0, end-maxShown):end], err
	}
	element := w.rest[start:end]
	for start > 0 && isBlank(w.rest[start-1]) {
		if w.padding--; w.padding < 0 {
			return "", ErrTooLong
		}
		start--
	}
	if start > 0 && w.rest[start-1] != ',' {
		return element, ErrMalformed // two words without a comma between them
	}
	w.rest = w.rest[:start]
	return element, nil
}

// plainStart returns where the word begins that s ends with.
func plainStart(s string) (int, error) {
	i := len(s)
	for i > 0 && s[i-1] != ',' && !isBlank(s[i-1]) {
		if i--; len(s)-i > maxHopBytes {
			return 0, ErrMalformed
		}
	}
	return i, nil
}

// quotedStart is plainStart for elements with quoted strings, in which commas and blanks do not
// end the element. Going left, the quote that opens a string is the first one that is not escaped:
// it follows a "=". Whether the element found this way is well-formed is for its parser to say.
func quotedStart(s string) (int, error) {
	inside := false
	i := len(s)
	for i > 0 {
		c := s[i-1]
		if c == '"' && !(inside && escaped(s[:i-1])) {
			inside = !inside
		} else if !inside && (c == ',' || isBlank(c)) {
			return i, nil
		}
		if i--; len(s)-i > maxElementBytes {
			return 0, ErrMalformed
		}
	}
	return 0, nil
}

// escaped tells whether the byte after s is escaped: s ends with an odd number of backslashes.
func escaped(s string) bool {
	n := len(s)
	for n > 0 && len(s)-n <= maxElementBytes && s[n-1] == '\\' {
		n--
	}
	return (len(s)-n)%2 == 1
}

// isBlank tells whether c is optional white space: SP or HTAB and nothing else (RFC 9110
// section 5.6.3). Unicode's idea of space would let in what other readers refuse.
func isBlank(c byte) bool { return c == ' ' || c == '\t' }

func isPadding(c byte) bool { return c == ',' || isBlank(c) }
