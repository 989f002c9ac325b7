package logs

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	// holdPartial is how long an unfinished line is held back for its end.
	holdPartial = time.Second
	// oldEvery is how often files that were renamed away are looked at while
	// the live one keeps the follower busy.
	oldEvery = 20 * time.Millisecond
	// clockSlack is how much older than the wall clock a file's time may be
	// when it is written: the kernel stamps files with its last tick.
	clockSlack = 50 * time.Millisecond
)

// openGen is a generation with its file.
type openGen struct {
	generation
	f    *os.File
	head []byte // the file's first bytes, up to headSize
	tail []byte // the up to tailSize bytes before off
	mark mark   // after the last line that was given out
	sp   splitter
	held time.Time // since when a beginning of a line has been held
}

// follower reads the generations of one file. It belongs to the goroutine that
// called Follow.
type follower struct {
	src *fileSource
	out Sink
	w   waiter

	gens    []*openGen // oldest first
	names   names
	looked  time.Time // when the name was last known to lead to the newest generation
	oldLook time.Time
	retired []retiredGen // newest last
	buf     []byte
	pos     Position
	shown   *openGen // its last line was given out unfinished
	found   bool     // the last step gave something
	whole   bool     // the sink takes whole lines only
}

// retiredGen is a file that was given up, in case it comes back to life.
type retiredGen struct {
	id   fileID
	mark mark
}

// Follow reads on from a position.
func (f *fileSource) Follow(ctx context.Context, from Position, out Sink) error {
	fl := &follower{
		src: f, out: out, w: newWaiter(ctx, filepath.Dir(f.path), f.pollOnly),
		buf: make([]byte, tailSize+readSize),
	}
	defer fl.close()
	if w, ok := out.(wholeLines); ok {
		fl.whole = w.wholeOnly()
	}
	if from == nil {
		var err error
		if from, err = f.end(); err != nil {
			return err
		}
	}
	if err := fl.start(ctx, from); err != nil {
		return err
	}
	for ctx.Err() == nil {
		fl.found = false
		if err := fl.step(ctx, time.Now()); err != nil {
			return err
		}
		if fl.found {
			if p, ok := fl.w.(*poller); ok {
				p.busy()
			}
			if err := out.Flush(); err != nil {
				return err
			}
			continue
		}
		fl.w.wait(ctx, fl.patience(time.Now()))
	}
	return fl.finish()
}

func (fl *follower) close() {
	for _, g := range fl.gens {
		_ = g.f.Close()
	}
	fl.w.close()
}

// finish gives out nothing more: a line that has only begun is read again from
// its beginning by whoever goes on from the last position.
func (fl *follower) finish() error { return fl.out.Flush() }

// start opens what the position marks, and reads what has come since then in
// files that are not being written any more.
func (fl *follower) start(ctx context.Context, from Position) error {
	told := false
	track := &tracker{Sink: fl.out, last: append(Position(nil), from...)}
	for try := 0; ; try++ {
		err := fl.startOnce(ctx, track, &told)
		if !errors.Is(err, errMoved) || try == retries {
			return err
		}
	}
}

func (fl *follower) startOnce(ctx context.Context, track *tracker, told *bool) error {
	for _, g := range fl.gens {
		_ = g.f.Close()
	}
	fl.gens = nil
	p, vols, err := fl.src.planRange(track.last, nil)
	if err != nil {
		return err
	}
	now := time.Now()
	var old plan
	old.lost = p.lost
	var recent []extent
	for _, e := range p.extents {
		if e.vol.packed || !e.vol.live && now.Sub(e.vol.mtime) > fl.src.grace {
			old.extents = append(old.extents, e)
			continue
		}
		recent = append(recent, e)
	}
	if err := fl.src.send(ctx, old, track, told); err != nil {
		return err
	}
	// planRange leaves out what is read to its end; it may still grow.
	fp, _ := parseFilePos(track.last)
	for _, v := range vols {
		if v.packed || !v.live && now.Sub(v.mtime) > fl.src.grace {
			continue
		}
		off, ok := int64(0), false
		for _, e := range recent {
			if e.vol.path == v.path {
				off, ok = e.from, true
			}
		}
		if !ok {
			if off, ok = fl.ended(v, fp, vols); !ok && !v.live {
				continue
			}
		}
		if err := fl.openAt(v, off, now); err != nil {
			return err
		}
	}
	fl.names.missing = len(fl.gens) == 0 || !fl.gens[len(fl.gens)-1].live
	fl.looked = now
	return nil
}

// ended is the offset of a mark in a volume that has nothing after it yet.
func (fl *follower) ended(v volume, fp filePos, vols []volume) (int64, bool) {
	for _, m := range fp.marks {
		if i := fl.src.locate(m, vols); i >= 0 && vols[i].path == v.path {
			return m.off, true
		}
	}
	return 0, false
}

// openAt opens a volume as a generation that has been read up to off.
func (fl *follower) openAt(v volume, off int64, now time.Time) error {
	file, err := fl.src.openVolume(v)
	if err != nil {
		return err
	}
	g, err := newGen(file, v.id, off, v.live, now)
	if err != nil {
		_ = file.Close()
		return err
	}
	fl.gens = append(fl.gens, g)
	fl.w.add(file)
	return nil
}

func newGen(file *os.File, id fileID, off int64, live bool, now time.Time) (*openGen, error) {
	g := &openGen{
		generation: generation{id: id, off: off, live: live, data: now},
		f:          file, sp: splitter{max: maxLine + redactAhead},
	}
	var err error
	if g.mark, err = markAt(file, id, off); err != nil {
		return nil, err
	}
	g.head = make([]byte, min(off, headSize), headSize)
	if _, err := file.ReadAt(g.head, 0); err != nil && off > 0 && len(g.head) == 0 {
		return nil, err
	}
	g.tail = make([]byte, min(off, tailSize), tailSize)
	if n, err := file.ReadAt(g.tail, off-int64(len(g.tail))); n < len(g.tail) {
		return nil, shortRead(err)
	}
	return g, nil
}

// step takes one look at everything and reads what there is.
func (fl *follower) step(ctx context.Context, now time.Time) error {
	fi, ok, _ := exists(os.Stat(fl.src.path))
	ok = ok && fi.Mode().IsRegular()
	lookOld := now.Sub(fl.oldLook) >= oldEvery
	if lookOld {
		fl.oldLook = now
	}
	// Older generations first: what they hold is older.
	for _, g := range slices.Clone(fl.gens) {
		if !g.live && !lookOld {
			continue
		}
		if err := fl.look(ctx, g, now); err != nil {
			return err
		}
	}
	var id fileID
	if ok {
		id = idOf(fi)
	}
	if err := fl.name(ctx, ok, id, now); err != nil {
		return err
	}
	if lookOld {
		return fl.retire(now)
	}
	return nil
}

// look reads one generation.
func (fl *follower) look(ctx context.Context, g *openGen, now time.Time) error {
	fi, err := g.f.Stat()
	if err != nil {
		return err
	}
	s := seen{size: fi.Size(), mtime: fi.ModTime()}
	v := g.judge(s)
	g.mtime = s.mtime
	switch v {
	case genRead:
		return fl.readGen(ctx, g, s.size, now)
	case genVerify:
		if same, err := g.same(fl.buf); err != nil || same {
			return err
		}
		return fl.truncated(ctx, g)
	case genShrunk:
		return fl.truncated(ctx, g)
	}
	return fl.unfinished(g, now)
}

// same reads the bytes before the offset again.
func (g *openGen) same(buf []byte) (bool, error) {
	b := buf[:len(g.tail)]
	n, err := g.f.ReadAt(b, g.off-int64(len(b)))
	if n < len(b) {
		if errors.Is(shortRead(err), errMoved) {
			return false, nil
		}
		return false, err
	}
	return bytes.Equal(b, g.tail), nil
}

// patience is how long nothing is due.
func (fl *follower) patience(now time.Time) time.Duration {
	d := fl.w.backstop()
	for _, g := range fl.gens {
		if g.live && g.sp.pending() > 0 && !fl.whole {
			d = min(d, g.held.Add(holdPartial).Sub(now))
		}
		if !g.live {
			d = min(d, max(g.data.Add(fl.src.grace).Sub(now), oldEvery))
		}
	}
	if len(fl.gens) > 1 {
		// An event may have been for an old one that was not looked at.
		d = min(d, oldEvery)
	}
	return max(d, time.Millisecond)
}

// exists tells a file that is not there from one that cannot be read.
func exists(fi os.FileInfo, err error) (os.FileInfo, bool, error) {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return nil, false, nil
	}
	return fi, err == nil, err
}
