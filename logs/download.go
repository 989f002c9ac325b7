package logs

import "context"

// download sends what a query asks for from the source's history alone, and
// ends: nothing is followed. All of it means all of it, rotated and gzipped
// siblings included.
func (v *viewer) download(ctx context.Context, q query, from, to *cursor) error {
	if err := v.open(); err != nil {
		return err
	}
	end := Position(nil)
	if to != nil {
		end = to.pos
	}
	if err := v.downloadFrom(ctx, q, from, end); err != nil {
		return err
	}
	if err := v.out.flush(); err != nil {
		return err
	}
	return errComplete
}

func (v *viewer) downloadFrom(ctx context.Context, q query, from *cursor, end Position) error {
	if from != nil {
		how := ResumeFile
		if s, ok := v.hub.ranger.(searcher); ok && !s.known(from.pos) {
			how = ResumeTime
		}
		v.m.resume(how)
		v.seq, v.pos, v.cursor = from.seq, from.pos, v.hub.sealer.seal(*from)
		if err := v.hello(how, v.cursor); err != nil {
			return err
		}
		return v.history(ctx, end, 0)
	}
	// An unfinished last line is one of the lines: nothing will continue it.
	return v.backlog(ctx, q, end, int64(q.tail), firstLine)
}
