package logs

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"
)

// name acts on where the name leads now.
func (fl *follower) name(ctx context.Context, ok bool, id fileID, now time.Time) error {
	state := make([]*generation, len(fl.gens))
	for i, g := range fl.gens {
		state[i] = &g.generation
	}
	switch fl.names.judge(ok, id, state) {
	case nameSame:
		fl.looked = now
	case nameBack:
		demote(state, now)
		for _, g := range fl.gens {
			if g.id == id {
				g.live = true
			}
		}
	case nameMissing:
		if len(fl.gens) > 0 {
			demote(state, now)
			return fl.note(Note{State: Missing})
		}
	case nameNew:
		return fl.open(ctx, now)
	}
	return nil
}

// open begins a new generation, after those that came and went unseen.
func (fl *follower) open(ctx context.Context, now time.Time) error {
	file, fi, err := fl.src.open(fl.src.path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // gone again; the next look will tell
		}
		return err
	}
	id := idOf(fi)
	for _, g := range fl.gens {
		if g.id == id {
			return file.Close() // the name moved back meanwhile
		}
	}
	state := Rotated
	for _, g := range fl.gens {
		// What was live until now has lost its name: this is another file.
		if gi, err := g.f.Stat(); err == nil && g.live && links(gi) == 0 {
			state = Replaced
		}
		if g.live {
			g.live, g.data = false, now
		}
	}
	first := len(fl.gens) == 0 && len(fl.retired) == 0
	if !first {
		if err := fl.note(Note{State: state}); err != nil {
			_ = file.Close()
			return err
		}
	}
	if err := fl.missed(ctx, id, now); err != nil {
		_ = file.Close()
		return err
	}
	g, err := newGen(file, id, 0, true, now)
	if err != nil {
		_ = file.Close()
		return err
	}
	fl.gens = append(fl.gens, g)
	fl.w.add(file)
	fl.looked = now
	fl.found = true // read it at once
	return fl.crowd()
}

// missed opens the siblings that were born, written and rotated away between
// two looks, and retired ones that have been written to since.
func (fl *follower) missed(ctx context.Context, live fileID, now time.Time) error {
	vols, err := fl.src.volumes()
	if err != nil {
		return err
	}
	for _, v := range vols {
		if v.live || v.id == live || v.size == 0 || v.mtime.Before(fl.looked.Add(-clockSlack)) || fl.has(v.id) {
			continue
		}
		off, ok := fl.revived(v)
		if !ok && fl.isCopy(v) {
			continue
		}
		if v.packed {
			err = newReader(fl.src, fl.out).readDamaged(ctx, extent{vol: v, from: off, to: toEnd})
		} else {
			v.live = false
			err = fl.openAt(v, off, now)
		}
		if err != nil && !errors.Is(err, errMoved) {
			return err
		}
	}
	return nil
}

func (fl *follower) has(id fileID) bool {
	return slices.ContainsFunc(fl.gens, func(g *openGen) bool { return g.id == id })
}

// revived is the offset up to which a retired file had been read.
func (fl *follower) revived(v volume) (int64, bool) {
	for i := len(fl.retired) - 1; i >= 0; i-- {
		r := fl.retired[i]
		if (r.id == v.id || v.packed) && fl.src.holds(v, r.mark) {
			return r.mark.off, true
		}
	}
	return 0, false
}

// isCopy tells a copy of a file that is being read from a file of its own.
func (fl *follower) isCopy(v volume) bool {
	return slices.ContainsFunc(fl.gens, func(g *openGen) bool { return fl.src.holds(v, g.mark) })
}

// retire gives up old generations that have been silent for the grace period.
func (fl *follower) retire(now time.Time) error {
	for _, g := range slices.Clone(fl.gens) {
		if g.spent(now, fl.src.grace) {
			if err := fl.drop(g); err != nil {
				return err
			}
		}
	}
	return nil
}

// crowd gives up the oldest generations when there are too many.
func (fl *follower) crowd() error {
	for len(fl.gens) > maxGenerations {
		if err := fl.drop(fl.gens[0]); err != nil {
			return err
		}
	}
	return nil
}

// drop closes a generation. A line that it did not finish is one.
func (fl *follower) drop(g *openGen) error {
	if p, ok := g.sp.unfinished(true); ok {
		if err := fl.emit(g, fl.position(g), p, g.off, g.tail, time.Now()); err != nil {
			return err
		}
	}
	if fl.shown == g {
		// What was shown of its last line is all there will be.
		fl.shown = nil
		if err := fl.out.Line(nil, time.Now(), Stdout, fl.position(g)); err != nil {
			return err
		}
	}
	fl.gens = slices.DeleteFunc(fl.gens, func(o *openGen) bool { return o == g })
	fl.retired = append(fl.retired, retiredGen{g.id, g.mark})
	if len(fl.retired) > maxGenerations {
		fl.retired = slices.Delete(fl.retired, 0, 1)
	}
	return g.f.Close()
}

// truncated finishes a generation that was emptied in place. If the rotator
// made a copy first, the copy has what was not read yet. What was written
// between the copy and the truncation is gone, and nobody can know how much it
// was.
func (fl *follower) truncated(ctx context.Context, g *openGen) error {
	pos := fl.position(g)
	if err := fl.fromCopy(ctx, g, pos); err != nil {
		return err
	}
	if p, ok := g.sp.unfinished(true); ok {
		if err := fl.emit(g, pos, p, g.off, g.tail, time.Now()); err != nil {
			return err
		}
	}
	g.off, g.head, g.tail = 0, g.head[:0], g.tail[:0]
	g.mark = mark{id: g.id.hash()}
	g.data = time.Now()
	fl.found = true
	if err := fl.note(Note{State: Truncated}); err != nil {
		return err
	}
	return fl.note(Note{Lost: &Lost{Lines: -1, Bytes: -1, Why: GapTruncated}})
}

// fromCopy reads the rest of what was truncated from a sibling that begins with
// all that was read.
func (fl *follower) fromCopy(ctx context.Context, g *openGen, pos Position) error {
	if g.off == 0 {
		return nil
	}
	here := mark{id: g.id.hash()}
	here.place(g.head, g.tail, g.off)
	vols, err := fl.src.volumes()
	if err != nil {
		return err
	}
	for i := len(vols) - 1; i >= 0; i-- {
		v := vols[i]
		if v.id == g.id || fl.has(v.id) || !fl.src.holds(v, here) {
			continue
		}
		in, done, err := fl.src.text(v, g.off)
		if err != nil {
			continue
		}
		g.mark.id = v.id.hash()
		err = fl.drain(ctx, g, in, pos)
		done()
		return err
	}
	return nil
}
