package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
)

// budget bounds a search.
type budget struct {
	bytes int64                                  // left; what is read is taken off
	spent func() bool                            // time is up
	tell  func(scanned int64, matches int) error // called now and then

	scanned int64 // out: bytes read
	matches int   // out: lines found
}

// search goes back from a position over at most n lines that want accepts (nil:
// all) and returns the position before the first of them. More is true if the
// budget ran out first, or a compressed volume could not be unpacked.
func (f *fileSource) search(ctx context.Context, before Position, n int, want func([]byte) bool, b *budget) (from Position, more bool, err error) {
	for try := 0; ; try++ {
		from, more, err = f.searchOnce(ctx, before, n, want, b)
		if !errors.Is(err, errMoved) || try == retries {
			return from, more, err
		}
	}
}

func (f *fileSource) searchOnce(ctx context.Context, before Position, n int, want func([]byte) bool, b *budget) (Position, bool, error) {
	p, _, err := f.planRange(nil, before)
	if err != nil {
		return nil, false, err
	}
	at := filePos{at: nowSeconds()}
	s := backward{ctx: ctx, left: n, want: want, budget: b, buf: make([]byte, blockSize)}
	for i := len(p.extents) - 1; i >= 0 && !s.over(); i-- {
		m, ok, err := f.searchVolume(&s, p.extents[i])
		if err != nil {
			return nil, false, err
		}
		if !ok {
			s.broke = true
			break
		}
		at.marks = []mark{m}
	}
	if b != nil {
		b.scanned, b.matches = s.scanned, s.matches
	}
	if len(at.marks) == 0 {
		// Nothing lies before the position, or nothing that can be seen: it
		// is its own beginning.
		return before, s.broke, ctx.Err()
	}
	return at.append(nil), s.broke, ctx.Err()
}

// searchVolume is one step of a search. Not ok means that it goes no further.
func (f *fileSource) searchVolume(s *backward, e extent) (m mark, ok bool, err error) {
	if e.vol.packed {
		return f.searchPacked(s, e)
	}
	file, err := f.openVolume(e.vol)
	if err != nil {
		return mark{}, false, err
	}
	defer file.Close()
	end := e.to
	if end == toEnd {
		fi, err := file.Stat()
		if err != nil {
			return mark{}, false, err
		}
		end = fi.Size()
	}
	off, err := s.run(file, end)
	if err != nil {
		return mark{}, false, err
	}
	m, err = markAt(file, e.vol.id, off)
	return m, true, err
}

// backward walks back over lines.
type backward struct {
	ctx    context.Context
	left   int // lines still wanted
	want   func([]byte) bool
	budget *budget
	broke  bool // the budget did

	buf     []byte
	carry   []byte // the end of a line whose beginning has not been reached
	scanned int64
	matches int
}

func (s *backward) over() bool { return s.left <= 0 || s.broke }

// run walks back from end and returns the offset at which it is over, or 0.
func (s *backward) run(r io.ReaderAt, end int64) (int64, error) {
	s.carry = s.carry[:0]
	lineEnd := end // offset after the text of the line at hand
	for at := end; at > 0; {
		if err := s.pause(); err != nil || s.broke {
			return lineEnd, err
		}
		start := max(0, (at-1)/blockSize*blockSize)
		b := s.buf[:at-start]
		if n, err := r.ReadAt(b, start); n < len(b) {
			return 0, shortRead(err)
		}
		s.scanned += int64(len(b))
		for {
			i := bytes.LastIndexByte(b, '\n')
			if i < 0 {
				s.keep(b)
				break
			}
			next := start + int64(i) + 1
			// Nothing after the last newline is no line.
			if next < end && s.take(b[i+1:]) {
				return next, nil
			}
			s.carry = s.carry[:0]
			b, lineEnd = b[:i], next
		}
		at = start
	}
	if end > 0 {
		s.take(nil)
	}
	return 0, nil
}

// take counts the line whose beginning is b and reports whether it was the last
// one wanted.
func (s *backward) take(b []byte) bool {
	if s.want != nil {
		line := b
		if len(s.carry) > 0 {
			s.keep(b)
			line = s.carry
		}
		if !s.want(bytes.TrimSuffix(line, []byte{'\r'})) {
			return false
		}
	}
	s.matches++
	s.left--
	return s.left <= 0
}

// keep puts b before what is carried. Of a very long line the beginning stays:
// it is what viewers see.
func (s *backward) keep(b []byte) {
	if s.want == nil {
		return
	}
	whole := make([]byte, 0, min(len(b)+len(s.carry), maxLine+blockSize))
	whole = append(whole, b...)
	room := cap(whole) - len(whole)
	s.carry = append(whole, s.carry[:min(room, len(s.carry))]...)
}

func (s *backward) pause() error {
	if err := s.ctx.Err(); err != nil {
		return err
	}
	b := s.budget
	if b == nil {
		return nil
	}
	if s.scanned >= b.bytes || b.spent() {
		s.broke = true
		return nil
	}
	return b.tell(s.scanned, s.matches)
}
