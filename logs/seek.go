package logs

import (
	"bytes"
	"io"
	"time"
)

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
		if err == nil && !e.vol.packed {
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
