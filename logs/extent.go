package logs

import (
	"context"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"time"
)

// extent is a part of one volume: the bytes from one offset to another, of the
// text, not of its compressed form.
type extent struct {
	vol      volume
	from, to int64
	ragged   bool // the end is no line's end on purpose: give out what is there as unfinished
}

// toEnd is the end of an extent that reaches as far as its file.
const toEnd = math.MaxInt64

// errMoved is a volume that is another file by now: the rotator was faster.
var errMoved = errors.New("the file was renamed meanwhile")

// openVolume opens a volume and makes sure that it is the one that was listed.
func (f *fileSource) openVolume(v volume) (*os.File, error) {
	file, fi, err := f.open(v.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errMoved
	}
	if err != nil {
		return nil, err
	}
	if idOf(fi) != v.id {
		_ = file.Close()
		return nil, errMoved
	}
	return file, nil
}

// text returns a reader of a volume's text from an offset on, and what closes
// it.
func (f *fileSource) text(v volume, from int64) (io.Reader, func(), error) {
	file, err := f.openVolume(v)
	if err != nil {
		return nil, nil, err
	}
	if !v.packed {
		return io.NewSectionReader(file, from, math.MaxInt64-from), func() { _ = file.Close() }, nil
	}
	zr, closeReader, err := unpack(file)
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	done := func() {
		closeReader()
		_ = file.Close()
	}
	if _, err := io.CopyN(io.Discard, zr, from); err != nil {
		done()
		return nil, nil, err
	}
	return zr, done, nil
}

// readSize is how much history is read at a time.
const readSize = 128 << 10

// reader sends extents to a sink. It belongs to one call of Range or Follow.
type reader struct {
	src *fileSource
	out Sink
	buf []byte
	sp  splitter
	pos Position
}

func newReader(src *fileSource, out Sink) *reader {
	return &reader{
		src: src, out: out, buf: make([]byte, tailSize+readSize),
		sp: splitter{max: maxLine + redactAhead},
	}
}

// read sends one extent, with the position after each line.
func (r *reader) read(ctx context.Context, e extent) error {
	head := make([]byte, 0, headSize)
	lead := int64(0) // bytes before the extent that are read for marks only
	if e.from > 0 {
		m, err := r.prefix(e.vol, e.from)
		if err != nil {
			return err
		}
		head, lead = m, min(e.from, tailSize)
	}
	in, done, err := r.src.text(e.vol, e.from-lead)
	if err != nil {
		return err
	}
	defer done()
	// The buffer begins with the up to tailSize bytes before off.
	keep := 0
	if lead > 0 {
		if keep, err = io.ReadFull(in, r.buf[:lead]); err != nil {
			return errMoved
		}
	}
	off := e.from
	m := mark{id: e.vol.id.hash()}
	for off < e.to && ctx.Err() == nil {
		room := int64(len(r.buf) - keep)
		n, err := in.Read(r.buf[keep : keep+int(min(room, e.to-off))])
		chunk := r.buf[keep : keep+n]
		if missing := headSize - len(head); missing > 0 && off == int64(len(head)) {
			head = append(head, chunk[:min(missing, n)]...)
		}
		serr := r.sp.split(chunk, func(p piece) error {
			m.place(head, r.buf[:keep+p.end], off+int64(p.end))
			return r.emit(p, m)
		})
		if serr != nil {
			return serr
		}
		off += int64(n)
		window := r.buf[:keep+n]
		keep = copy(r.buf, window[max(0, len(window)-tailSize):])
		if err != nil && err != io.EOF {
			return err
		}
		if err == io.EOF || n == 0 {
			break
		}
	}
	if p, ok := r.sp.unfinished(!e.ragged); ok && ctx.Err() == nil {
		m.place(head, r.buf[:keep], off)
		return r.emit(p, m)
	}
	return ctx.Err()
}

// prefix reads the head of a volume, as far as the extent does not hold it.
func (r *reader) prefix(v volume, n int64) ([]byte, error) {
	in, done, err := r.src.text(v, 0)
	if err != nil {
		return nil, err
	}
	defer done()
	head := make([]byte, min(n, headSize), headSize)
	if _, err := io.ReadFull(in, head); err != nil {
		return nil, errMoved
	}
	return head, nil
}

// place moves the mark to off. Window ends at off and holds at least the
// tailSize bytes before it, or all there are.
func (m *mark) place(head, window []byte, off int64) {
	m.off = off
	m.tailCRC = crc32.Checksum(window[max(0, len(window)-tailSize):], castagnoli)
	if n := min(int64(len(head)), off); int64(m.headLen) != n {
		m.headLen = uint16(n)
		m.headCRC = crc32.Checksum(head[:n], castagnoli)
	}
}

func (r *reader) emit(p piece, m mark) error {
	r.pos = filePos{at: nowSeconds(), marks: []mark{m}}.append(r.pos[:0])
	if p.more || p.length > int64(len(p.text)) {
		return r.out.Fragment(p.text, time.Time{}, Stdout, p.length, p.more, r.pos)
	}
	return r.out.Line(p.text, time.Time{}, Stdout, r.pos)
}
