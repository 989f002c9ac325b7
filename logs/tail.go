package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	// blockSize is how much is read at a time on the way back: with 1 KiB
	// blocks the system calls cost eight times the search.
	blockSize = 64 << 10
	// maxPartial is how far back the beginning of an unfinished last line
	// is looked for.
	maxPartial = 1 << 20
)

// budget bounds a search.
type budget struct {
	bytes int64                                  // left; what is read is taken off
	spent func() bool                            // time is up
	tell  func(scanned int64, matches int) error // called now and then

	scanned int64 // out: bytes read
	matches int   // out: lines found
}

// Tail sends the last n lines before a position.
func (f *fileSource) Tail(ctx context.Context, n int, before Position, out Sink) (Position, error) {
	end := before
	if end == nil {
		var err error
		if end, err = f.end(); err != nil {
			return nil, err
		}
	}
	if n == 0 {
		return end, nil
	}
	from, _, err := f.search(ctx, end, n, nil, nil)
	if err != nil {
		return nil, err
	}
	return end, f.Range(ctx, from, end, out)
}

// end is the position after the last whole line there is now. Where there is no
// live file, the newest sibling marks it, and without any an empty position
// does: whatever comes is new.
func (f *fileSource) end() (Position, error) {
	for try := 0; ; try++ {
		vols, err := f.volumes()
		if err != nil {
			return nil, err
		}
		p := filePos{at: nowSeconds()}
		for i := len(vols) - 1; i >= 0; i-- {
			if vols[i].gz {
				continue
			}
			var m mark
			if m, err = f.endOf(vols[i]); err == nil {
				p.marks = []mark{m}
			}
			break
		}
		if !errors.Is(err, errMoved) || try == retries {
			return p.append(nil), err
		}
	}
}

func (f *fileSource) endOf(v volume) (mark, error) {
	file, err := f.openVolume(v)
	if err != nil {
		return mark{}, err
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil {
		return mark{}, err
	}
	off, err := lastBreak(file, fi.Size())
	if err != nil {
		return mark{}, err
	}
	return markAt(file, v.id, off)
}

// lastBreak is the offset after the last newline, or size if there is none in
// the last megabyte.
func lastBreak(r io.ReaderAt, size int64) (int64, error) {
	buf := make([]byte, blockSize)
	for end := size; end > 0 && size-end < maxPartial; {
		start := max(0, end-blockSize)
		b := buf[:end-start]
		if n, err := r.ReadAt(b, start); n < len(b) {
			return 0, shortRead(err)
		}
		if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
			return start + int64(i) + 1, nil
		}
		end = start
	}
	if size < maxPartial {
		return 0, nil
	}
	return size, nil
}

// shortRead is a file that became shorter while it was read back: what was
// planned no longer holds.
func shortRead(err error) error {
	if err == nil || err == io.EOF {
		return errMoved
	}
	return err
}

// search goes back from a position over at most n lines that want accepts (nil:
// all), through uncompressed volumes, and returns the position before the first
// of them. More is true if the budget ran out first.
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
		e := p.extents[i]
		if e.vol.gz {
			break // and with it all that is older
		}
		m, err := f.searchVolume(&s, e)
		if err != nil {
			return nil, false, err
		}
		at.marks = []mark{m}
	}
	if b != nil {
		b.scanned, b.matches = s.scanned, s.matches
	}
	if len(at.marks) == 0 {
		// Nothing lies before the position: it is its own beginning.
		return before, false, ctx.Err()
	}
	return at.append(nil), s.broke, ctx.Err()
}

func (f *fileSource) searchVolume(s *backward, e extent) (mark, error) {
	file, err := f.openVolume(e.vol)
	if err != nil {
		return mark{}, err
	}
	defer file.Close()
	end := e.to
	if end == toEnd {
		fi, err := file.Stat()
		if err != nil {
			return mark{}, err
		}
		end = fi.Size()
	}
	off, err := s.run(file, end)
	if err != nil {
		return mark{}, err
	}
	return markAt(file, e.vol.id, off)
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

// exists tells a file that is not there from one that cannot be read.
func exists(fi os.FileInfo, err error) (os.FileInfo, bool, error) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, false, nil
	}
	return fi, err == nil, err
}

// since is a position from which every line of t or later is found on the way
// forward: the beginning of the first volume that was written at t or later,
// or, if its lines tell their time, a place close before t in it.
func (f *fileSource) since(t time.Time, before Position) (Position, error) {
	p, _, err := f.planRange(nil, before)
	if err != nil {
		return nil, err
	}
	for _, e := range p.extents {
		if e.vol.mtime.Before(t) && !e.vol.live {
			continue
		}
		off := int64(0)
		var m mark
		file, err := f.openVolume(e.vol)
		if err == nil && !e.vol.gz {
			off = seekTime(file, min(e.to, e.vol.size), t)
			m, err = markAt(file, e.vol.id, off)
		}
		if file != nil {
			_ = file.Close()
		}
		if err != nil {
			return nil, err
		}
		m.id = e.vol.id.hash()
		return filePos{at: nowSeconds(), marks: []mark{m}}.append(nil), nil
	}
	return before, nil
}

// seekTime finds, by halving, the last block that begins before t. Where no
// line tells its time it returns 0.
func seekTime(r io.ReaderAt, size int64, t time.Time) int64 {
	lo, hi := int64(0), size/blockSize
	now := time.Now()
	buf := make([]byte, blockSize)
	best := int64(0)
	for lo <= hi {
		mid := (lo + hi) / 2
		at, when, ok := stampAfter(r, buf, mid*blockSize, now)
		if !ok {
			return best
		}
		if when.Before(t) {
			best = at
			lo = mid + 1
		} else {
			hi = mid - 1
		}
	}
	return best
}

// stampAfter is the first line at or after off that tells its time.
func stampAfter(r io.ReaderAt, buf []byte, off int64, now time.Time) (at int64, when time.Time, ok bool) {
	n, _ := r.ReadAt(buf, off)
	b := buf[:n]
	if off > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return 0, when, false
		}
		b, off = b[i+1:], off+int64(i)+1
	}
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			i = len(b) - 1
		}
		if when, ok = timestamp(b[:i], now); ok {
			return off, when, true
		}
		b, off = b[i+1:], off+int64(i)+1
	}
	return 0, when, false
}

// known reports whether everything that a position marks is still there.
func (f *fileSource) known(pos Position) bool {
	p, _, err := f.planRange(pos, nil)
	return err == nil && !p.lost
}
