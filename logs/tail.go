package logs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
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

// end is the position after the last whole line there is now, in the newest file
// and in those that may still be written to. Without any file it is an empty
// position: whatever comes is new.
func (f *fileSource) end() (Position, error) {
	for try := 0; ; try++ {
		vols, err := f.volumes()
		if err != nil {
			return nil, err
		}
		p := filePos{at: nowSeconds()}
		for _, v := range slices.Backward(vols) {
			// A file that was renamed a moment ago may still be written to.
			old := len(p.marks) > 0 && time.Since(v.mtime) > f.grace
			if v.packed || old || len(p.marks) == maxGenerations {
				continue
			}
			var m mark
			if m, err = f.endOf(v); err != nil {
				break
			}
			p.marks = append(p.marks, m)
		}
		slices.Reverse(p.marks)
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
