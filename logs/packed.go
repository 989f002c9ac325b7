package logs

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// packings are the suffixes of compressed siblings that can be read.
var packings = [...]string{".gz", ".zst"}

// unpackedName is a volume's name without the suffix of its compression.
func unpackedName(name string) (string, bool) {
	for _, suffix := range packings {
		if plain, ok := strings.CutSuffix(name, suffix); ok {
			return plain, true
		}
	}
	return name, false
}

// maxZstdWindow bounds the memory of a zstd stream: "zstd --long" asks for it.
const maxZstdWindow = 128 << 20

// unpack reads the text of a compressed file. The second result closes the
// reader, not the file.
func unpack(file *os.File) (io.Reader, func(), error) {
	in := bufio.NewReaderSize(file, 64<<10)
	if !strings.HasSuffix(file.Name(), ".zst") {
		zr, err := gzip.NewReader(in)
		return zr, func() {}, err
	}
	zr, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, nil, err
	}
	return zr, zr.Close, nil
}

// damaged tells a compressed file that cannot be unpacked, or not to its end,
// from one that cannot be read.
func damaged(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, zstd.ErrMagicMismatch) || errors.Is(err, zstd.ErrCRCMismatch) ||
		errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrBlockTooSmall) ||
		errors.Is(err, zstd.ErrReservedBlockType) || errors.Is(err, zstd.ErrCompressedSizeTooBig) ||
		errors.Is(err, zstd.ErrUnexpectedBlockSize) || errors.Is(err, zstd.ErrWindowSizeTooSmall) ||
		errors.Is(err, zstd.ErrUnknownDictionary) || errors.Is(err, zstd.ErrFrameSizeExceeded) ||
		errors.Is(err, zstd.ErrFrameSizeMismatch) || errors.Is(err, io.EOF)
}

// searchPacked looks for the lines that are wanted in a compressed volume,
// which can be read forwards only: it keeps the places of the last ones. Not ok
// means that the budget ran out or the volume is damaged, and then nothing of it
// counts, since what was found would not reach up to its end.
func (f *fileSource) searchPacked(s *backward, e extent) (m mark, ok bool, err error) {
	in, done, err := f.text(e.vol, 0)
	if damaged(err) {
		return mark{}, false, nil
	}
	if err != nil {
		return mark{}, false, err
	}
	defer done()
	places := lastPlaces{max: s.left}
	sp := splitter{max: maxLine + redactAhead}
	buf := make([]byte, tailSize+readSize)
	m = mark{id: e.vol.id.hash()}
	head := make([]byte, 0, headSize)
	for keep, off := 0, int64(0); off < e.to; {
		if err := s.pause(); err != nil || s.broke {
			return mark{}, false, err
		}
		n, err := in.Read(buf[keep : keep+int(min(readSize, e.to-off))])
		window := buf[:keep+n]
		head = append(head, window[keep:keep+min(headSize-len(head), n)]...)
		_ = sp.split(window[keep:], func(p piece) error {
			if s.want == nil || s.want(p.text) {
				places.add(m)
			}
			m.place(head, window[:keep+p.end], off+int64(p.end))
			return nil
		})
		off += int64(n)
		s.scanned += int64(n)
		keep = copy(buf, window[max(0, len(window)-tailSize):])
		if err == io.EOF {
			break
		}
		if damaged(err) {
			return mark{}, false, nil
		}
		if err != nil {
			return mark{}, false, err
		}
	}
	if p, ok := sp.unfinished(true); ok && (s.want == nil || s.want(p.text)) {
		places.add(m)
	}
	s.matches += len(places.marks)
	s.left -= len(places.marks)
	if s.left > 0 {
		return mark{id: e.vol.id.hash()}, true, nil // all of it has been seen
	}
	return places.oldest(), true, nil
}

// lastPlaces keeps the last max marks that were added.
type lastPlaces struct {
	max   int
	marks []mark
	next  int // where the next one goes once there are max
}

func (l *lastPlaces) add(m mark) {
	if len(l.marks) < l.max {
		l.marks = append(l.marks, m)
		return
	}
	l.marks[l.next] = m
	l.next = (l.next + 1) % l.max
}

func (l *lastPlaces) oldest() mark { return l.marks[l.next] }

// readDamaged reads a volume, and tells of a hole where it cannot be unpacked.
func (r *reader) readDamaged(ctx context.Context, e extent) error {
	err := r.read(ctx, e)
	if e.vol.packed && damaged(err) && ctx.Err() == nil {
		r.sp.drop()
		return r.out.Note(Note{Lost: &Lost{Lines: -1, Bytes: -1, Why: GapRotated}})
	}
	return err
}
