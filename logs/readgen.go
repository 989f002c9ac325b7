package logs

import (
	"bytes"
	"context"
	"io"
	"time"

	"golang.org/x/sys/unix"
)

// maxTurn is how much of one generation is read before the others get a turn.
const maxTurn = 1 << 20

// position is the place of every generation, for the lines of g.
func (fl *follower) position(g *openGen) Position {
	fl.pos = filePos{at: nowSeconds()}.append(fl.pos[:0])
	fl.pos[filePosHeader-1] = byte(len(fl.gens))
	for _, o := range fl.gens {
		fl.pos = o.mark.append(fl.pos)
	}
	return fl.pos
}

// index is where in a position the mark of g stands.
func (fl *follower) index(g *openGen) int {
	for i, o := range fl.gens {
		if o == g {
			return filePosHeader + i*markSize
		}
	}
	return -1
}

func (fl *follower) note(n Note) error {
	n.Pos = fl.position(nil)
	return fl.out.Note(n)
}

// readGen reads a generation to the size that was seen, a turn at most. The
// bytes before the offset are read along: if they are not what they were, the
// file was emptied and has grown past the offset since.
func (fl *follower) readGen(ctx context.Context, g *openGen, size int64, now time.Time) error {
	if g.off == 0 {
		if err := fl.skipHole(g, size); err != nil {
			return err
		}
	}
	pos := fl.position(g)
	for turn := 0; turn < maxTurn && g.off < size && ctx.Err() == nil; {
		keep := len(g.tail)
		n, err := g.f.ReadAt(fl.buf, g.off-int64(keep))
		if err != nil && err != io.EOF {
			return err
		}
		if n < keep || !bytes.Equal(fl.buf[:keep], g.tail) {
			return fl.truncated(ctx, g)
		}
		if n == keep {
			return nil
		}
		if err := fl.feed(g, fl.buf[:n], keep, pos, now); err != nil {
			return err
		}
		turn += n - keep
	}
	return nil
}

// feed cuts the bytes after keep into lines and moves on past them.
func (fl *follower) feed(g *openGen, window []byte, keep int, pos Position, now time.Time) error {
	chunk := window[keep:]
	if missing := headSize - len(g.head); missing > 0 && g.off == int64(len(g.head)) {
		g.head = append(g.head, chunk[:min(missing, len(chunk))]...)
	}
	err := g.sp.split(chunk, func(p piece) error {
		return fl.emit(g, pos, p, g.off+int64(p.end), window[:keep+p.end], now)
	})
	if err != nil {
		return err
	}
	g.off += int64(len(chunk))
	g.tail = append(g.tail[:0], window[max(0, len(window)-tailSize):]...)
	g.data = now
	if g.sp.pending() > 0 {
		g.held = now
	}
	fl.found = true
	return nil
}

// emit gives out one line that ends at off; window ends there too.
func (fl *follower) emit(g *openGen, pos Position, p piece, off int64, window []byte, now time.Time) error {
	if fl.shown != nil && fl.shown != g {
		// Another file's line is not what continues it.
		if err := fl.out.Line(nil, now, Stdout, nil); err != nil {
			return err
		}
	}
	fl.shown = nil
	if p.more {
		fl.shown = g
	}
	g.mark.place(g.head, window, off)
	if i := fl.index(g); i >= 0 {
		g.mark.append(pos[i:i])
	}
	if p.more || p.length > int64(len(p.text)) {
		return fl.out.Fragment(p.text, now, Stdout, p.length, p.more, pos)
	}
	return fl.out.Line(p.text, now, Stdout, pos)
}

// unfinished gives out the beginning of a line whose end does not come.
func (fl *follower) unfinished(g *openGen, now time.Time) error {
	if fl.whole || g.sp.pending() == 0 || now.Sub(g.held) < holdPartial || !g.live {
		return nil
	}
	p, _ := g.sp.unfinished(false)
	fl.found = true
	return fl.emit(g, fl.position(g), p, g.off, g.tail, now)
}

// drain reads the rest of a copy.
func (fl *follower) drain(ctx context.Context, g *openGen, in io.Reader, pos Position) error {
	for ctx.Err() == nil {
		keep := copy(fl.buf, g.tail)
		n, err := in.Read(fl.buf[keep:])
		if n > 0 {
			if err := fl.feed(g, fl.buf[:keep+n], keep, pos, time.Now()); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// skipHole passes over the NUL bytes that a writer leaves who goes on at its
// old offset in a file that was emptied: it did not open it to append.
func (fl *follower) skipHole(g *openGen, size int64) error {
	var first [1]byte
	if n, err := g.f.ReadAt(first[:], 0); n == 0 || err != nil && err != io.EOF || first[0] != 0 {
		return nil
	}
	at := int64(0)
	if conn, err := g.f.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) {
			if data, err := unix.Seek(int(fd), 0, seekData); err == nil {
				at = data
			}
		})
	}
	for at < size {
		n, err := g.f.ReadAt(fl.buf, at)
		if n == 0 {
			if err == io.EOF {
				break
			}
			return err
		}
		i := bytes.IndexFunc(fl.buf[:n], func(r rune) bool { return r != 0 })
		if i >= 0 {
			at += int64(i)
			break
		}
		at += int64(n)
	}
	if at == 0 {
		return nil
	}
	m, err := markAt(g.f, g.id, at)
	if err != nil {
		return err
	}
	g.mark, g.off = m, at
	g.head = append(g.head[:0], make([]byte, min(at, headSize))...)
	g.tail = append(g.tail[:0], make([]byte, min(at, tailSize))...)
	return fl.note(Note{Lost: &Lost{Lines: 0, Bytes: at, Why: GapHole}})
}

// seekData is SEEK_DATA of lseek(2): the next offset that is not in a hole.
const seekData = 3
