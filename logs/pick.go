package logs

// builderScratch makes segments that only one viewer gets: some of the lines
// of a shared one. What it returns is valid until the next call.
type builderScratch struct {
	buf   []byte
	lines []line
	text  []byte
}

// pick returns the lines of s from number skip on that keep lets through, or
// nil if there are none. The cursor stays the one after all of s.
func (b *builderScratch) pick(s *segment, skip int, keep *filter) *segment {
	b.lines, b.buf = b.lines[:0], b.buf[:0]
	first := int64(-1)
	raw := int64(0)
	var object span
	for i := skip; i < len(s.lines); i++ {
		l := s.lines[i]
		if keep != nil {
			b.text = s.text(b.text[:0], i)
			if !keep.line(b.text, l, s.at) {
				if keep.past {
					break
				}
				continue
			}
		}
		if first < 0 {
			first = s.first + int64(i)
			b.buf, object = appendHead(b.buf, first, s.cursor)
		} else {
			b.buf = append(b.buf, ',')
		}
		moved := l
		moved.entry = uint32(len(b.buf))
		moved.text = moved.entry + l.text - l.entry
		b.buf = append(b.buf, s.entry(i)...)
		b.lines = append(b.lines, moved)
		raw += int64(l.raw)
	}
	if first < 0 {
		return nil
	}
	b.buf, object = appendTail(b.buf, object, s.cursor)
	return &segment{
		first: first, lines: b.lines, raw: raw, buf: b.buf, object: object,
		cursor: s.cursor, at: s.at, pos: s.pos,
	}
}
