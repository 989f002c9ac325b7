package logs

import "time"

// maxGenerations is how many files of one name are read at the same time. Each
// is a descriptor and, if it was deleted, disk space that stays taken.
const maxGenerations = 64

// generation is what the state machine knows of one file that is being read.
// Decisions are made from this and from what was seen; see [generations].
type generation struct {
	id    fileID
	off   int64     // bytes read
	mtime time.Time // when last looked at
	live  bool      // the name led here when last looked at
	data  time.Time // when it last gave something, or ceased to be live
}

// seen is one look at an open file.
type seen struct {
	size  int64
	mtime time.Time
}

// verdict is what to do about a generation.
type verdict uint8

const (
	genIdle   verdict = iota // nothing new
	genRead                  // there is more; check the bytes before it on the way
	genVerify                // as long as before, but touched: is it still the same?
	genShrunk                // shorter than what was read: emptied in place
)

// judge decides about one generation from one look.
func (g *generation) judge(s seen) verdict {
	switch {
	case s.size < g.off:
		return genShrunk
	case s.size > g.off:
		return genRead
	case g.off > 0 && !s.mtime.Equal(g.mtime):
		return genVerify
	}
	return genIdle
}

// spent says whether an old generation has been silent for the grace period.
// The live one never is.
func (g *generation) spent(now time.Time, grace time.Duration) bool {
	return !g.live && now.Sub(g.data) >= grace
}

// nameVerdict is what to do about the name.
type nameVerdict uint8

const (
	nameSame     nameVerdict = iota
	nameNew                  // it leads to a file that is not being read
	nameBack                 // it leads to an older generation again
	nameMissing              // it has just ceased to lead anywhere
	nameStillOut             // it still leads nowhere
)

// names is the state of the name: which generation it leads to.
type names struct{ missing bool }

// judge decides from what the name leads to now (ok: anything at all), and
// which of the open generations that is.
func (n *names) judge(ok bool, id fileID, gens []*generation) nameVerdict {
	if !ok {
		if n.missing {
			return nameStillOut
		}
		n.missing = true
		return nameMissing
	}
	n.missing = false
	for _, g := range gens {
		if g.id == id {
			if g.live {
				return nameSame
			}
			return nameBack
		}
	}
	return nameNew
}

// demote marks every generation as no longer live; its grace begins.
func demote(gens []*generation, now time.Time) {
	for _, g := range gens {
		if g.live {
			g.live, g.data = false, now
		}
	}
}
