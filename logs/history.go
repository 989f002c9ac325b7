package logs

import (
	"context"
	"errors"
	"io"
	"time"
)

// plan is which parts of which volumes lie between two positions.
type plan struct {
	extents []extent // oldest first
	lost    bool     // the place that from means is gone
	found   bool     // at least one mark of from was recognized
}

// planRange finds what comes after from (nil: everything) and not after to
// (nil: as far as the files reach now).
func (f *fileSource) planRange(from, to Position) (plan, []volume, error) {
	vols, err := f.volumes()
	if err != nil {
		return plan{}, nil, err
	}
	p := plan{found: from == nil}
	starts := make([]int64, len(vols))
	first := 0
	if from != nil {
		fp, ok := parseFilePos(from)
		if !ok {
			return plan{lost: true}, vols, nil
		}
		first = f.startsAfter(&p, fp, vols, starts)
	}
	ends := make([]int64, len(vols))
	for i := range ends {
		ends[i] = toEnd
	}
	last := len(vols) - 1
	ragged := to != nil
	if to != nil {
		tp, ok := parseFilePos(to)
		if !ok {
			return plan{lost: true}, vols, nil
		}
		last = f.endsAt(tp, vols, ends)
	}
	for i := first; i <= last; i++ {
		if starts[i] < ends[i] && (vols[i].packed || starts[i] < vols[i].size) {
			p.extents = append(p.extents, extent{vol: vols[i], from: starts[i], to: ends[i], ragged: ragged && i == last})
		}
	}
	return p, vols, nil
}

// startsAfter sets where reading starts in the volumes that fp marks, and
// returns the index of the first volume to read. Volumes between and after
// marked ones are new and read from their beginning.
func (f *fileSource) startsAfter(p *plan, fp filePos, vols []volume, starts []int64) int {
	first := len(vols)
	newest := -1
	marked := map[int]bool{}
	for _, m := range fp.marks {
		i := f.locate(m, vols)
		if i < 0 {
			p.lost = true
			continue
		}
		p.found = true
		starts[i], marked[i] = m.off, true
		first, newest = min(first, i), max(newest, i)
	}
	if newest < 0 {
		// No mark is left, or there was no file: go by the time.
		for i, v := range vols {
			if v.mtime.Unix() >= fp.at || v.live {
				return i
			}
		}
		return len(vols)
	}
	// What lies between two marked volumes without being marked itself had
	// been read to its end.
	for i := first; i < newest; i++ {
		if !marked[i] {
			starts[i] = toEnd
		}
	}
	return first
}

// endsAt sets where reading ends and returns the index of the last volume.
func (f *fileSource) endsAt(tp filePos, vols []volume, ends []int64) int {
	last := -1
	for _, m := range tp.marks {
		if i := f.locate(m, vols); i >= 0 {
			ends[i] = m.off
			last = max(last, i)
		}
	}
	if last < 0 {
		for i, v := range vols {
			if v.mtime.Unix() <= tp.at && !v.live {
				last = i
			}
		}
	}
	return last
}

// locate finds the volume that holds a mark: the same file if it is still the
// same content, else another one with that content (a copy, a compressed one).
func (f *fileSource) locate(m mark, vols []volume) int {
	for i, v := range vols {
		if v.id.hash() == m.id && (m.off == 0 || f.holds(v, m)) {
			return i
		}
	}
	for i := len(vols) - 1; i >= 0; i-- {
		if vols[i].id.hash() != m.id && f.holds(vols[i], m) {
			return i
		}
	}
	return -1
}

// holds reports whether a volume's text is what the mark was made from.
func (f *fileSource) holds(v volume, m mark) bool {
	if m.off == 0 || !v.packed && v.size < m.off {
		return false
	}
	if !v.packed {
		file, err := f.openVolume(v)
		if err != nil {
			return false
		}
		defer file.Close()
		return m.matches(file, v.size)
	}
	in, done, err := f.text(v, 0)
	if err != nil {
		return false
	}
	defer done()
	return m.matches(&forwardReader{r: in}, m.off)
}

// forwardReader is an io.ReaderAt over a stream for reads that only go
// forward, or back into the head.
type forwardReader struct {
	r    io.Reader
	off  int64
	head []byte
}

func (f *forwardReader) ReadAt(p []byte, off int64) (int, error) {
	if off < f.off {
		// The tail of a short text overlaps its head.
		n := 0
		if off < int64(len(f.head)) {
			n = copy(p, f.head[off:])
		}
		if n == len(p) {
			return n, nil
		}
		m, err := f.ReadAt(p[n:], off+int64(n))
		return n + m, err
	}
	if _, err := io.CopyN(io.Discard, f.r, off-f.off); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(f.r, p)
	f.off = off + int64(n)
	if off == 0 {
		f.head = append([]byte(nil), p[:n]...)
	}
	return n, err
}

// retries is how often a history is planned anew when the rotator was faster.
const retries = 5

// Range sends the lines between two positions.
func (f *fileSource) Range(ctx context.Context, from, to Position, out Sink) error {
	seen := &tracker{Sink: out, last: append(Position(nil), from...)}
	told := false
	for try := 0; ; try++ {
		p, _, err := f.planRange(seen.last, to)
		if err == nil {
			err = f.send(ctx, p, seen, &told)
		}
		if !errors.Is(err, errMoved) || try == retries {
			return err
		}
	}
}

// send reads a plan's extents. That something is lost is told once, however
// often the plan is made anew.
func (f *fileSource) send(ctx context.Context, p plan, out Sink, told *bool) error {
	if p.lost && !*told {
		*told = true
		if err := out.Note(Note{Lost: &Lost{Lines: -1, Bytes: -1, Why: GapRotated}}); err != nil {
			return err
		}
	}
	r := newReader(f, out)
	for _, e := range p.extents {
		if err := r.readDamaged(ctx, e); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tracker remembers the last position that went through it.
type tracker struct {
	Sink
	last Position
}

func (t *tracker) Line(b []byte, at time.Time, s Stream, pos Position) error {
	t.last = append(t.last[:0], pos...)
	return t.Sink.Line(b, at, s, pos)
}

func (t *tracker) Fragment(b []byte, at time.Time, s Stream, length int64, more bool, pos Position) error {
	t.last = append(t.last[:0], pos...)
	return t.Sink.Fragment(b, at, s, length, more, pos)
}
