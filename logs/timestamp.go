package logs

import (
	"bytes"
	"time"
)

// stampWindow is how far into a line its time is looked for.
const stampWindow = 256

// timestamp reads a line's own time: RFC 3339 (with T or a space) or nginx's
// error-log and syslog's forms at the beginning, nginx's combined form in
// brackets, or a time, ts, timestamp or @timestamp key of JSON or logfmt with
// an RFC 3339 value. Forms without a zone are local; syslog's, which has no
// year either, is the last such day.
func timestamp(line []byte, now time.Time) (time.Time, bool) {
	w := line[:min(len(line), stampWindow)]
	if len(w) < 15 {
		return time.Time{}, false
	}
	switch c := w[0]; {
	case c >= '0' && c <= '9':
		if t, ok := leadingDate(w); ok {
			return t, true
		}
	case c >= 'A' && c <= 'Z':
		if t, err := time.ParseInLocation(time.Stamp, string(w[:15]), time.Local); err == nil {
			t = t.AddDate(now.Year(), 0, 0)
			if t.After(now.AddDate(0, 0, 1)) {
				t = t.AddDate(-1, 0, 0)
			}
			return t, true
		}
	case c == '<' || c == '[':
		if t, ok := leadingDate(w[1:]); ok {
			return t, true
		}
	}
	if t, ok := combinedTime(w); ok {
		return t, true
	}
	return keyedTime(w)
}

// leadingDate reads a date that a line begins with.
func leadingDate(w []byte) (time.Time, bool) {
	if len(w) < 19 || w[13] != ':' || w[16] != ':' {
		return time.Time{}, false
	}
	if w[4] == '/' {
		t, err := time.ParseInLocation("2006/01/02 15:04:05", string(w[:19]), time.Local)
		return t, err == nil
	}
	if w[4] != '-' || w[7] != '-' || (w[10] != 'T' && w[10] != ' ') {
		return time.Time{}, false
	}
	end := 19
	for end < len(w) && (w[end] == '.' || w[end] == ',' || w[end] >= '0' && w[end] <= '9') {
		end++
	}
	s := make([]byte, 0, 40)
	s = append(s, w[:10]...)
	s = append(s, 'T')
	s = append(s, w[11:end]...)
	for i := range s {
		if s[i] == ',' {
			s[i] = '.'
		}
	}
	zone := w[end:min(len(w), end+6)]
	switch {
	case len(zone) > 0 && zone[0] == 'Z':
		s = append(s, 'Z')
	case len(zone) == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':':
		s = append(s, zone...)
	case len(zone) >= 5 && (zone[0] == '+' || zone[0] == '-'):
		s = append(s, zone[:3]...)
		s = append(s, ':')
		s = append(s, zone[3:5]...)
	default:
		t, err := time.ParseInLocation("2006-01-02T15:04:05.999999999", string(s), time.Local)
		return t, err == nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(s))
	return t, err == nil
}

// combinedTime reads nginx's and Apache's [25/Nov/2026:00:10:09 +0000].
func combinedTime(w []byte) (time.Time, bool) {
	const form = "02/Jan/2006:15:04:05 -0700"
	i := bytes.IndexByte(w, '[')
	if i < 0 || len(w) < i+2+len(form) || w[i+1+len(form)] != ']' {
		return time.Time{}, false
	}
	t, err := time.Parse(form, string(w[i+1:i+1+len(form)]))
	return t, err == nil
}

// keyedTime reads "time":"…" and time=….
func keyedTime(w []byte) (time.Time, bool) {
	for _, key := range []string{"time", "ts", "timestamp"} {
		i := bytes.Index(w, []byte(key))
		if i < 0 {
			continue
		}
		if i > 0 && isLetter(w[i-1]) {
			continue
		}
		rest := bytes.TrimLeft(w[i+len(key):], `":= `)
		if t, ok := leadingDate(rest); ok {
			return t, true
		}
	}
	return time.Time{}, false
}
