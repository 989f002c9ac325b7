package logs

import "bytes"

// splitter cuts a stream of bytes into lines, with a cap on what it keeps of
// one. It holds the beginning of a line across calls, so a line may be cut by
// any number of reads at any place, the two bytes of a CRLF included.
type splitter struct {
	max int // bytes of a line that are kept

	held   []byte // the line that has begun, at most max bytes
	length int64  // what it really has so far, including what was dropped
	last   byte   // its last byte so far
}

// piece is what a splitter gives out.
type piece struct {
	text   []byte // valid until the next call
	length int64  // true length; more than len(text) if cut
	more   bool   // unfinished
	end    int    // how many bytes of the chunk are used up after it
}

// split calls emit for each line that ends in chunk, and holds the rest.
func (s *splitter) split(chunk []byte, emit func(piece) error) error {
	for at := 0; at < len(chunk); {
		i := bytes.IndexByte(chunk[at:], '\n')
		if i < 0 {
			s.hold(chunk[at:])
			return nil
		}
		line := chunk[at : at+i]
		at += i + 1
		if err := emit(s.finish(line, at)); err != nil {
			return err
		}
	}
	return nil
}

// hold keeps what begins a line.
func (s *splitter) hold(b []byte) {
	if len(b) == 0 {
		return
	}
	s.length += int64(len(b))
	s.last = b[len(b)-1]
	if room := s.max - len(s.held); room > 0 {
		s.held = append(s.held, b[:min(room, len(b))]...)
	}
}

// finish joins line, which ends with a newline, to what was held. CRLF ends a
// line too, also where the cut was between the two or the CR was dropped.
func (s *splitter) finish(line []byte, end int) piece {
	length, last := int64(len(line)), byte(0)
	if length > 0 {
		last = line[length-1]
	}
	if s.length > 0 {
		s.hold(line)
		line, length, last = s.held, s.length, s.last
		s.drop()
	}
	if last == '\r' {
		length--
	}
	return piece{text: line[:min(int64(len(line)), length, int64(s.max))], length: length, end: end}
}

// unfinished gives out what is held of a line that has not ended. With final
// it is given out as a line of its own, since nothing will follow.
func (s *splitter) unfinished(final bool) (piece, bool) {
	if s.length == 0 {
		return piece{}, false
	}
	line, length := s.held, s.length
	s.drop()
	return piece{text: line, length: length, more: !final}, true
}

// pending is how many bytes of an unfinished line are held or were dropped.
func (s *splitter) pending() int64 { return s.length }

func (s *splitter) drop() {
	if cap(s.held) > 4096 {
		// The slice given out is a view of held; it stays valid because
		// the next line gets a new one.
		s.held = nil
	}
	s.held, s.length = s.held[:0], 0
}
