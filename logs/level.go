package logs

import "bytes"

// Level is how grave a line is. The zero value is unknown.
type Level uint8

// The levels, in order.
const (
	LevelUnknown Level = iota
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
	LevelFatal
)

// String returns the level as it stands in messages.
func (l Level) String() string {
	return [...]string{"", "debug", "info", "warn", "error", "fatal"}[min(l, LevelFatal)]
}

// parseLevel reads a level of a query.
func parseLevel(s string) (Level, bool) {
	l := levelWord([]byte(s))
	return l, l != LevelUnknown
}

// levelWindow is how far into a line a level is looked for.
const levelWindow = 256

// levelOf finds a line's level: the status of a line in nginx's combined
// format (5xx error, 4xx warn), or the first level word in the line's
// beginning that is written as a level is: in capitals (ERROR), in brackets
// ([error], <info>), or as a value (level=warn, "level":"info", severity: …).
func levelOf(b []byte) Level {
	w := b[:min(len(b), levelWindow)]
	// Before the bracket stand address and user; a cheap look spares other
	// lines the search.
	if bytes.IndexByte(w, '[') > 0 {
		if l, ok := combinedStatus(b); ok {
			return l
		}
	}
	for i := 0; i < len(w); {
		if w[i] == 0x1b {
			// The final letter of a colour is no part of the word after it.
			i += max(1, sgr(w[i:]))
			continue
		}
		if !isLetter(w[i]) {
			i++
			continue
		}
		j := i + 1
		for j < len(w) && isLetter(w[j]) {
			j++
		}
		if n := j - i; n >= 3 && n <= 9 {
			if l := levelWord(w[i:j]); l != LevelUnknown && standsAsLevel(w, i, j) {
				return l
			}
		}
		i = j
	}
	return LevelUnknown
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// levelWord maps the words of syslog, slog, log4j and nginx to levels.
func levelWord(w []byte) Level {
	var buf [9]byte
	if len(w) < 3 || len(w) > len(buf) {
		return LevelUnknown
	}
	for i, c := range w {
		buf[i] = c | 0x20
	}
	switch string(buf[:len(w)]) {
	case "trace", "debug", "dbg":
		return LevelDebug
	case "info", "notice", "inf":
		return LevelInfo
	case "warn", "warning", "wrn":
		return LevelWarn
	case "error", "err":
		return LevelError
	case "fatal", "crit", "critical", "alert", "emerg", "emergency", "panic":
		return LevelFatal
	}
	return LevelUnknown
}

// standsAsLevel tells a level from the same word in prose.
func standsAsLevel(w []byte, i, j int) bool {
	if w[i] >= 'A' && w[i] <= 'Z' && w[j-1] >= 'A' && w[j-1] <= 'Z' {
		return true
	}
	if i == 0 {
		return j < len(w) && w[j] == ':'
	}
	switch w[i-1] {
	case '[':
		return j < len(w) && w[j] == ']'
	case '<':
		return j < len(w) && w[j] == '>'
	case '=', '"':
		key := bytes.TrimRight(w[:i], `="': `)
		return endsFold(key, "level") || endsFold(key, "lvl") || endsFold(key, "severity")
	}
	return false
}

func endsFold(b []byte, word string) bool {
	return len(b) >= len(word) && bytes.EqualFold(b[len(b)-len(word):], []byte(word))
}

// combinedStatus reads the status of nginx's combined format: the three digits
// between spaces after the quoted request.
func combinedStatus(b []byte) (Level, bool) {
	open := bytes.Index(b, []byte(`] "`))
	if open < 0 {
		return LevelUnknown, false
	}
	rest := b[open+3:]
	end := bytes.Index(rest, []byte(`" `))
	if end < 0 || len(rest) < end+6 || rest[end+5] != ' ' {
		return LevelUnknown, false
	}
	switch rest[end+2] {
	case '5':
		return LevelError, true
	case '4':
		return LevelWarn, true
	case '1', '2', '3':
		return LevelInfo, true
	}
	return LevelUnknown, false
}
