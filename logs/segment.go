package logs

import (
	"bytes"
	"strconv"
	"time"
)

const (
	// maxSegmentLines and maxSegmentBytes (of line text as it was read) are
	// where a message is full.
	maxSegmentLines = 512
	maxSegmentBytes = 64 << 10
	// maxLine is where a line is cut.
	maxLine = 64 << 10
	// redactAhead is how much more of a cut line Redact gets to see, so that
	// what straddles the cut is still recognized.
	redactAhead = 1 << 10
)

// segment is one event as it goes to viewers, encoded once. It is immutable.
//
// For lines the buffer holds a whole SSE event, and the other forms are parts
// of it, so that a segment serves all transports without a copy:
//
//	event: lines\ndata: {"type":"lines",…}\nid: CURSOR\n\n
//	                    └──── object ────┘
type segment struct {
	first  int64  // number of the first line
	lines  []line // none for events
	raw    int64  // bytes of line text as read
	before int64  // bytes of line text before it, on the ring's account
	buf    []byte // the SSE event
	object span   // the JSON object in it
	cursor string // after the segment
	at     time.Time

	// What a viewer starts from or resumes at after this segment.
	pos Position
}

type span struct{ from, to int }

// line is where one line's entry lies in a segment's buffer.
type line struct {
	entry, text, textLen, entryLen uint32
	raw                            uint32 // bytes as read
	level                          Level
	flags                          lineFlags
}

type lineFlags uint8

const (
	flagEscaped lineFlags = 1 << iota // the text holds JSON escapes
	flagMore                          // unfinished
)

// next is the number of the first line after the segment.
func (s *segment) next() int64 { return s.first + int64(len(s.lines)) }

// json is the object, for a WebSocket message.
func (s *segment) json() []byte { return s.buf[s.object.from:s.object.to] }

// ndjson is the object and a line end.
func (s *segment) ndjson() []byte { return s.buf[s.object.from : s.object.to+1] }

// sse is the whole event.
func (s *segment) sse() []byte { return s.buf }

// entry is the encoded line i.
func (s *segment) entry(i int) []byte {
	l := s.lines[i]
	return s.buf[l.entry : l.entry+l.entryLen]
}

// text appends the sanitized text of line i.
func (s *segment) text(dst []byte, i int) []byte {
	l := s.lines[i]
	enc := s.buf[l.text : l.text+l.textLen]
	if l.flags&flagEscaped == 0 {
		return append(dst, enc...)
	}
	return unescape(dst, enc)
}

// size is what the segment costs in memory.
func (s *segment) size() int64 {
	const header = 256
	return header + int64(cap(s.buf)) + int64(cap(s.lines))*24 + int64(len(s.cursor)) + int64(len(s.pos))
}

// builder collects lines into a segment. It belongs to one goroutine.
type builder struct {
	redact func([]byte) ([]byte, bool) // nil: nothing; false leaves the line out
	reuse  bool                        // a sealed segment is valid until the next one only
	sealed []byte                      // reused by seal

	entries []byte
	lines   []line
	raw     int64     // bytes as read
	fill    int64     // of them, what counts towards a full segment
	at      time.Time // of the first line
	altered altered   // lines since the last seal
	copied  []byte    // the line that Redact has
}

// add appends one line. Length is what it really had.
func (b *builder) add(text []byte, at time.Time, s Stream, length int64, more bool) {
	whole := length <= int64(len(text))
	if b.redact != nil {
		// A copy, since Redact may work in place: what the line was read
		// into is compared with the file again, or is another viewer's too.
		b.copied = append(b.copied[:0], text...)
		clean, ok := b.redact(b.copied)
		if !ok {
			return
		}
		b.altered.add(alteredRedacted, !bytes.Equal(clean, text))
		text = clean
	}
	if len(b.lines) == 0 {
		b.at = time.Now()
	} else {
		b.entries = append(b.entries, ',')
	}
	if len(text) > maxLine {
		text, whole = cutText(text, maxLine), false
	}
	b.altered.add(alteredCut, !whole)
	l := line{entry: uint32(len(b.entries)), level: levelOf(text), raw: uint32(min(length, 1<<32-1))}
	b.entries = append(b.entries, `{"m":"`...)
	l.text = uint32(len(b.entries))
	var made visible
	b.entries, made = sanitize(b.entries, text, true)
	b.altered.add(alteredInvalid, made.invalid)
	b.altered.add(alteredControl, made.control)
	l.textLen = uint32(len(b.entries)) - l.text
	if hasEscape(b.entries[l.text:]) {
		l.flags |= flagEscaped
	}
	b.entries = append(b.entries, '"')
	if !at.IsZero() {
		b.entries = append(b.entries, `,"t":`...)
		b.entries = strconv.AppendInt(b.entries, at.UnixMilli(), 10)
	}
	if s == Stderr {
		b.entries = append(b.entries, `,"s":"err"`...)
	}
	if l.level != 0 {
		b.entries = append(b.entries, `,"l":"`...)
		b.entries = append(b.entries, l.level.String()...)
		b.entries = append(b.entries, '"')
	}
	if !whole {
		b.entries = append(b.entries, `,"n":`...)
		b.entries = strconv.AppendInt(b.entries, length, 10)
	}
	if more {
		l.flags |= flagMore
		b.entries = append(b.entries, `,"p":true`...)
	}
	b.entries = append(b.entries, '}')
	l.entryLen = uint32(len(b.entries)) - l.entry
	b.lines = append(b.lines, l)
	b.raw += length
	b.fill += min(length, maxLine)
}

// empty and full say what can be done with the builder.
func (b *builder) empty() bool { return len(b.lines) == 0 }

func (b *builder) full() bool { return len(b.lines) >= maxSegmentLines || b.fill >= maxSegmentBytes }

// fits says whether a line of n bytes may still be added. A segment holds at
// least one line, however long.
func (b *builder) fits(n int) bool { return b.empty() || b.fill+int64(n) <= maxSegmentBytes }

// seal returns what was collected as a segment, and starts anew.
func (b *builder) seal(first int64, cursor string, pos Position) *segment {
	const envelope = len("event: lines\ndata: ") + len(`{"type":"lines","seq":,"cursor":"","lines":[]}`) + 20 + len("\nid: \n\n")
	s := &segment{first: first, raw: b.raw, cursor: cursor, at: b.at}
	if b.reuse {
		s.buf, s.lines = b.sealed[:0], b.lines
	} else {
		s.buf = make([]byte, 0, envelope+2*len(cursor)+len(b.entries))
		s.lines = append(make([]line, 0, len(b.lines)), b.lines...)
		s.pos = append(Position(nil), pos...)
	}
	s.buf, s.object = appendHead(s.buf, first, cursor)
	base := uint32(len(s.buf))
	s.buf = append(s.buf, b.entries...)
	s.buf, s.object = appendTail(s.buf, s.object, cursor)
	for i := range s.lines {
		s.lines[i].entry += base
		s.lines[i].text += base
	}
	if b.reuse {
		b.sealed = s.buf
	}
	b.entries, b.lines, b.raw, b.fill, b.altered = b.entries[:0], b.lines[:0], 0, 0, altered{}
	return s
}

// appendHead and appendTail write what stands around the entries of lines.
func appendHead(buf []byte, first int64, cursor string) ([]byte, span) {
	buf = append(buf, "event: lines\ndata: "...)
	object := span{from: len(buf)}
	buf = append(buf, `{"type":"lines","seq":`...)
	buf = strconv.AppendInt(buf, first, 10)
	buf = append(buf, `,"cursor":"`...)
	buf = append(buf, cursor...)
	return append(buf, `","lines":[`...), object
}

func appendTail(buf []byte, object span, cursor string) ([]byte, span) {
	buf = append(buf, "]}"...)
	object.to = len(buf)
	buf = append(buf, "\nid: "...)
	buf = append(buf, cursor...)
	return append(buf, "\n\n"...), object
}

// cutText cuts b to at most n bytes without breaking a rune that is whole.
func cutText(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	for i := n; i > n-4 && i > 0; i-- {
		if b[i]&0xc0 != 0x80 { // not a continuation byte
			return b[:i]
		}
	}
	return b[:n]
}

func hasEscape(enc []byte) bool {
	for _, c := range enc {
		if c == '\\' {
			return true
		}
	}
	return false
}
