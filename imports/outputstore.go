package imports

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/pruvon/pruvon/internal/seal"
)

// outputStore keeps what an importer printed: the head, where the first error
// stands, and the tail, where the last word stands. What lies between is
// dropped and counted. The tail is kept in segments named by the offset at
// which they start, so that a crash leaves nothing to repair.
type outputStore struct {
	d    disk
	dir  string
	head int64 // bytes kept of the head
	tail int64 // bytes of one of the two tail segments

	segs []segment // the first is the head
	cur  *os.File  // open for append: the last of segs
}

// segment is one file of the output.
type segment struct {
	name  string
	start int64
	n     int64
}

func (s segment) end() int64 { return s.start + s.n }

// openOutput finds what is there already.
func openOutput(d disk, dir string, keep int64) (*outputStore, error) {
	s := &outputStore{d: d, dir: dir, head: max(keep/2, 1), tail: max(keep/4, 1)}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return s, err
	}
	for _, e := range entries {
		seg := segment{name: e.Name()}
		if seg.name != fileOutput {
			off, ok := strings.CutPrefix(seg.name, "output.")
			if !ok {
				continue
			}
			if seg.start, err = strconv.ParseInt(off, 10, 64); err != nil || seg.start < 0 {
				continue
			}
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		seg.n = info.Size()
		s.segs = append(s.segs, seg)
	}
	slices.SortFunc(s.segs, func(a, b segment) int { return cmp.Compare(a.start, b.start) })
	// Segments that overlap were not written by us; the earlier one counts.
	s.segs = slices.CompactFunc(s.segs, func(later, earlier segment) bool { return later.start < earlier.end() })
	return s, nil
}

// size is the length of all that was ever printed.
func (s *outputStore) size() int64 {
	if len(s.segs) == 0 {
		return 0
	}
	return s.segs[len(s.segs)-1].end()
}

// hole is what was dropped between head and tail.
func (s *outputStore) hole() (from, to int64) {
	for i := 1; i < len(s.segs); i++ {
		if s.segs[i].start > s.segs[i-1].end() {
			return s.segs[i-1].end(), s.segs[i].start
		}
	}
	return 0, 0
}

// write appends b and returns its offset. dropped says that an older segment
// has made room.
func (s *outputStore) write(b []byte) (off int64, dropped bool, err error) {
	dropped, err = s.ensure()
	if err != nil {
		return s.size(), dropped, err
	}
	last := &s.segs[len(s.segs)-1]
	off = last.end()
	n, err := s.cur.Write(b)
	s.d.did("append")
	last.n += int64(n)
	return off, dropped, err
}

// ensure opens the segment that the next bytes belong into.
func (s *outputStore) ensure() (dropped bool, err error) {
	limit := s.head
	if len(s.segs) > 1 {
		limit = s.tail
	}
	switch {
	case len(s.segs) == 0:
		return false, s.open(segment{name: fileOutput})
	case s.segs[len(s.segs)-1].n >= limit:
		if s.cur != nil {
			_ = s.cur.Close()
			s.cur = nil
		}
		start := s.size()
		if err := s.open(segment{name: fmt.Sprintf("output.%020d", start), start: start}); err != nil {
			return false, err
		}
		for len(s.segs) > 3 {
			if err := s.d.remove(filepath.Join(s.dir, s.segs[1].name)); err != nil {
				return dropped, err
			}
			s.segs = slices.Delete(s.segs, 1, 2)
			dropped = true
		}
		return dropped, nil
	case s.cur == nil:
		last := s.segs[len(s.segs)-1]
		s.segs = s.segs[:len(s.segs)-1]
		return false, s.open(last)
	}
	return false, nil
}

func (s *outputStore) open(seg segment) error {
	f, err := os.OpenFile(filepath.Join(s.dir, seg.name), os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	s.d.did("create")
	s.cur, s.segs = f, append(s.segs, seg)
	return nil
}

func (s *outputStore) close() {
	if s.cur != nil {
		_ = s.cur.Close()
		s.cur = nil
	}
}

// read returns n bytes at off, or an error when they are not there any more.
func (s *outputStore) read(off int64, n int) ([]byte, error) {
	if off < 0 || n < 0 || n > outputChunk {
		return nil, seal.ErrDamaged
	}
	for _, seg := range s.segs {
		if off < seg.start || off+int64(n) > seg.end() {
			continue
		}
		f, err := os.Open(filepath.Join(s.dir, seg.name))
		if err != nil {
			return nil, err
		}
		defer f.Close()
		b := make([]byte, n)
		_, err = f.ReadAt(b, off-seg.start)
		return b, err
	}
	return nil, fs.ErrNotExist
}

// reader returns all that is kept, with a line where the hole is.
func (s *outputStore) reader() *outputReader {
	r := &outputReader{}
	from, to := s.hole()
	for _, seg := range s.segs {
		if seg.start == to && to > from {
			r.add(part{text: fmt.Sprintf("\n[%d bytes are left out here]\n", to-from)})
		}
		r.add(part{path: filepath.Join(s.dir, seg.name), n: seg.n})
	}
	return r
}

// part is a file's first n bytes, or a text.
type part struct {
	path string
	text string
	n    int64
	at   int64 // offset in the whole
}

// outputReader is an io.ReadSeeker over parts. It opens one file at a time.
type outputReader struct {
	parts []part
	size  int64
	pos   int64
	f     *os.File
	open  int // index of the part that f belongs to
}

func (r *outputReader) add(p part) {
	if p.path == "" {
		p.n = int64(len(p.text))
	}
	p.at = r.size
	r.size += p.n
	r.parts = append(r.parts, p)
}

// Seek implements io.Seeker.
func (r *outputReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errors.New("negative position")
	}
	r.pos = offset
	return offset, nil
}

// Read implements io.Reader.
func (r *outputReader) Read(b []byte) (int, error) {
	for i, p := range r.parts {
		if r.pos >= p.at+p.n || r.pos < p.at {
			continue
		}
		in := r.pos - p.at
		b = b[:min(int64(len(b)), p.n-in)]
		if p.path == "" {
			n := copy(b, p.text[in:])
			r.pos += int64(n)
			return n, nil
		}
		if r.f == nil || r.open != i {
			r.Close()
			f, err := os.Open(p.path)
			if err != nil {
				return 0, err
			}
			r.f, r.open = f, i
		}
		n, err := r.f.ReadAt(b, in)
		r.pos += int64(n)
		if n > 0 {
			err = nil
		}
		return n, err
	}
	return 0, io.EOF
}

// Close releases the file that is open.
func (r *outputReader) Close() {
	if r.f != nil {
		_ = r.f.Close()
		r.f = nil
	}
}
