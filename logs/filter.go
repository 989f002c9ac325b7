package logs

import (
	"regexp"
	"time"
)

// filter decides which lines a viewer gets. It belongs to one viewer.
type filter struct {
	grep, not    *regexp.Regexp
	min          Level
	since, until time.Time

	past  bool // a line after until has been seen: the stream is over
	in    bool // the last line with a time was not before since
	plain []byte
}

// newFilter returns nil for a query that leaves nothing out.
func newFilter(q query) *filter {
	if q.grep == nil && q.not == nil && q.level == LevelUnknown && q.since.IsZero() && q.until.IsZero() {
		return nil
	}
	return &filter{grep: q.grep, not: q.not, min: q.level, since: q.since, until: q.until, in: q.since.IsZero()}
}

// line decides about one line: its text, what is known of it, and when it was
// read. Colours do not count for matching. Lines without a level of their own
// pass no level filter; lines without a time go with the line before them.
func (f *filter) line(text []byte, l line, read time.Time) bool {
	if !f.inTime(text, read) {
		return false
	}
	return f.content(text, l.level)
}

// content is the part of the decision that needs no neighbours.
func (f *filter) content(text []byte, level Level) bool {
	if level < f.min {
		return false
	}
	if f.grep == nil && f.not == nil {
		return true
	}
	f.plain = stripSGR(f.plain[:0], text)
	if f.grep != nil && !f.grep.Match(f.plain) {
		return false
	}
	return f.not == nil || !f.not.Match(f.plain)
}

func (f *filter) inTime(text []byte, read time.Time) bool {
	if f.since.IsZero() && f.until.IsZero() {
		return true
	}
	t, ok := timestamp(text, read)
	if !ok {
		return f.in && !f.past
	}
	if !f.until.IsZero() && t.After(f.until) {
		f.past = true
		return false
	}
	f.in = !t.Before(f.since)
	return f.in
}
