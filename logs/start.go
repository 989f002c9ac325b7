package logs

import (
	"context"
	"time"
)

// searcher is a Ranger that can go back over its lines and find a time in them.
// A file is one.
type searcher interface {
	search(ctx context.Context, before Position, n int, want func([]byte) bool, b *budget) (from Position, more bool, err error)
	since(t time.Time, before Position) (Position, error)
	known(Position) bool
}

// searchNews is how often a search tells how far it is.
const searchNews = 250 * time.Millisecond

// begin finds the viewer's place and says hello. What must come from history
// before the ring can be joined is sent on the way.
func (v *viewer) begin(ctx context.Context, q query, cur *cursor) error {
	if cur != nil {
		return v.resume(ctx, *cur)
	}
	h := v.hub
	h.mu.Lock()
	r := &h.ring
	have := r.next - r.evicted
	start, base, oldest := r.start, r.base, r.evicted
	inRing := v.keep == nil && q.tail >= 0 && int64(q.tail) <= have
	if h.ranger == nil || inRing || q.tail == 0 {
		switch {
		case q.tail == 0:
			v.placeLocked(r.end(), 0)
		case q.tail == tailAll || int64(q.tail) >= have:
			v.placeLocked(r.base, 0)
		default:
			v.placeLocked(r.find(r.next-int64(q.tail), 0))
		}
		v.cursor = h.beforeLocked(v.index, v.skip)
		h.mu.Unlock()
		return v.hello(ResumeNone, v.cursor)
	}
	h.mu.Unlock()
	v.index, v.behind = base, true
	if err := v.open(); err != nil {
		return err
	}
	return v.backlog(ctx, q, start, int64(q.tail)-have, oldest)
}

// beforeLocked is the cursor of a place in the ring.
func (h *hub) beforeLocked(index int64, skip int) string {
	r := &h.ring
	if skip > 0 {
		// Within a segment only the number is known, not the source's
		// position: good for as long as this life of the source.
		return h.cursorFor(r.at(index).first+int64(skip), nil)
	}
	if index > r.base {
		return r.at(index - 1).cursor
	}
	return r.from
}

// backlog sends lines from before the ring: the last n, or with a filter the
// last of them that match, or all, or all since a time. End is where the ring
// begins, and oldest the number of the line there.
func (v *viewer) backlog(ctx context.Context, q query, end Position, n, oldest int64) error {
	s, can := v.hub.ranger.(searcher)
	var from Position
	var more bool
	var err error
	switch {
	case q.tail != tailAll && can && v.keep != nil:
		return v.searchBack(ctx, s, q, end, oldest)
	case q.tail != tailAll && can:
		count := v.budget(func(int64, int) error { return nil })
		if from, more, err = s.search(ctx, end, int(n), nil, count); err != nil {
			return v.historyErr(ctx, err)
		}
		v.seq = oldest - int64(count.matches)
		if more {
			return v.fromHistory(ctx, from, end, &searchMessage{
				Type: "search", Scanned: count.scanned, Matches: count.matches, Done: true, More: true, To: v.hub.cursorFor(v.seq, from),
			})
		}
	case q.tail != tailAll:
		if err := v.hello(ResumeNone, ""); err != nil {
			return err
		}
		v.seq = oldest - n
		sink := v.viewSink()
		if _, err := v.hub.ranger.Tail(ctx, int(n), end, sink); err != nil {
			return v.historyErr(ctx, err)
		}
		v.pos = end
		return sink.Flush()
	default:
		v.seq = 0
		if !q.since.IsZero() && can {
			if from, err = s.since(q.since, end); err != nil {
				return v.historyErr(ctx, err)
			}
		}
	}
	return v.fromHistory(ctx, from, end, nil)
}

// fromHistory sends what lies between two positions, after the news, if there
// is any, of a search that did not come as far back as it should.
func (v *viewer) fromHistory(ctx context.Context, from, end Position, news *searchMessage) error {
	v.pos, v.cursor = from, ""
	if from != nil {
		v.cursor = v.hub.cursorFor(v.seq, from)
	}
	if err := v.hello(ResumeNone, v.cursor); err != nil {
		return err
	}
	if news != nil {
		if err := v.progress(*news, v.cursor); err != nil {
			return err
		}
	}
	return v.history(ctx, end, v.index)
}

// budget is how far back this viewer's search may go.
func (v *viewer) budget(tell func(scanned int64, matches int) error) *budget {
	deadline := time.Now().Add(v.searchTime)
	return &budget{bytes: v.searchBytes, spent: func() bool { return time.Now().After(deadline) }, tell: tell}
}

// searchBack looks for the last lines that match, telling how it goes, and
// sends them.
func (v *viewer) searchBack(ctx context.Context, s searcher, q query, end Position, oldest int64) error {
	if err := v.hello(ResumeNone, ""); err != nil {
		return err
	}
	told := time.Now()
	b := v.budget(func(scanned int64, matches int) error {
		if time.Since(told) < searchNews {
			return nil
		}
		told = time.Now()
		return v.progress(searchMessage{Type: "search", Scanned: scanned, Matches: matches}, "")
	})
	var clean []byte
	want := func(line []byte) bool {
		text := line
		if v.hub.redact != nil {
			text = v.hub.redact(text)
		}
		text = cutText(text, maxLine)
		clean = sanitizeText(clean[:0], text)
		return v.keep.content(clean, levelOf(text))
	}
	from, more, err := s.search(ctx, end, q.tail, want, b)
	if err != nil {
		return v.historyErr(ctx, err)
	}
	v.m.searched(b.scanned)
	to := ""
	if more {
		to = v.hub.cursorFor(0, from)
	}
	done := searchMessage{Type: "search", Scanned: b.scanned, Matches: b.matches, Done: true, More: more, To: to}
	if err := v.progress(done, ""); err != nil {
		return err
	}
	v.seq, v.pos = 0, from
	return v.history(ctx, end, v.index)
}

func (v *viewer) progress(m searchMessage, cursor string) error {
	if err := v.out.send(event("search", m, v.seq, cursor, nil)); err != nil {
		return err
	}
	return v.out.flush()
}

// resume goes on strictly after a cursor: from memory if the lines are still
// there, else from the source's history, else with a gap.
func (v *viewer) resume(ctx context.Context, c cursor) error {
	h := v.hub
	h.mu.Lock()
	r := &h.ring
	same := c.epoch == h.epoch
	v.cursor = h.sealer.seal(c)
	if same && c.seq >= r.evicted && c.seq <= r.next {
		v.placeLocked(r.find(c.seq, c.sub))
		h.mu.Unlock()
		v.m.resume(ResumeExact)
		return v.hello(ResumeExact, v.cursor)
	}
	if h.ranger != nil && c.pos != nil {
		start, base := r.start, r.base
		h.mu.Unlock()
		if err := v.open(); err != nil {
			return err
		}
		how := ResumeFile
		if s, ok := h.ranger.(searcher); ok && !s.known(c.pos) {
			how = ResumeTime
		}
		v.m.resume(how)
		if err := v.hello(how, v.cursor); err != nil {
			return err
		}
		v.index, v.behind, v.pos = base, true, c.pos
		if same {
			v.seq = c.seq
		}
		return v.history(ctx, start, base)
	}
	from := v.cursor
	v.placeLocked(r.base, 0)
	v.cursor = r.from
	h.mu.Unlock()
	v.m.resume(ResumeNone)
	if err := v.hello(ResumeNone, v.cursor); err != nil {
		return err
	}
	lines, why := int64(-1), GapRestart
	if same {
		lines, why = v.seq-c.seq, GapEvicted
	}
	v.m.gap(why, lines)
	return v.out.send(event("gap", gap(from, v.cursor, lines, -1, why), v.seq, v.cursor, nil))
}
