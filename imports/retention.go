package imports

import (
	"context"
	"os"
	"slices"
	"time"
)

// sweepEvery is the time between two sweeps.
const sweepEvery = time.Hour

// diskEvery is the time between two looks at the free space.
const diskEvery = 15 * time.Second

// verdict is what becomes of an import at a sweep.
type verdict int

const (
	keep     verdict = iota
	dropData         // its bytes go; it can no longer be retried
	expire           // an upload that nobody goes on with
	drop             // all of it goes
)

// retention decides what is kept for how long. It is pure.
type retention struct {
	uploads time.Duration // negative: for ever
	data    time.Duration // negative: not at all
	records time.Duration // negative: for ever
	max     int           // per target; negative: all
}

// judge looks at all imports at a time.
func (p retention) judge(now time.Time, recs []record) map[string]verdict {
	out := map[string]verdict{}
	done := map[string][]record{}
	for _, r := range recs {
		switch r.State {
		case StateReceiving:
			if p.uploads >= 0 && now.Sub(r.Touched) > p.uploads {
				out[r.ID] = expire
			}
		case StateDone:
			done[r.Target] = append(done[r.Target], r)
			switch {
			case p.records >= 0 && now.Sub(r.Ended) > p.records:
				out[r.ID] = drop
			case r.HasData && (p.data < 0 || now.Sub(r.Ended) > p.data):
				out[r.ID] = dropData
			}
		}
	}
	if p.max < 0 {
		return out
	}
	for _, rs := range done {
		slices.SortFunc(rs, func(a, b record) int { return b.Ended.Compare(a.Ended) })
		for _, r := range rs[min(p.max, len(rs)):] {
			out[r.ID] = drop
		}
	}
	return out
}

// sweeper sweeps at once and then every hour, and keeps the gauges of the disk.
func (h *Handler) sweeper(ctx context.Context) {
	sweep, disk := time.NewTicker(sweepEvery), time.NewTicker(diskEvery)
	defer sweep.Stop()
	defer disk.Stop()
	h.sweep(time.Now())
	h.lookAtDisk()
	for {
		select {
		case <-sweep.C:
			h.sweep(time.Now())
		case <-disk.C:
			h.lookAtDisk()
		case <-ctx.Done():
			return
		}
	}
}

func (h *Handler) lookAtDisk() {
	free, err := h.spool.free(h.spool.dir)
	if err != nil {
		h.log.Warn("imports: free space cannot be read", "err", err)
		return
	}
	h.metrics.disk(h.spool.bytes(), free)
}

func (h *Handler) sweep(now time.Time) {
	p := retention{uploads: h.cfg.UploadAge, data: h.cfg.KeepData, records: h.cfg.KeepRecords, max: h.cfg.MaxRecords}
	jobs := h.list("", Access{Admin: true})
	recs := make([]record, len(jobs))
	for i, j := range jobs {
		recs[i] = j.record()
		if recs[i].State == StateReceiving { // a part that came just before a crash counts
			if info, err := os.Lstat(j.dataPath()); err == nil && info.ModTime().After(recs[i].Touched) {
				recs[i].Touched = info.ModTime()
			}
		}
	}
	verdicts := p.judge(now, recs)
	for _, j := range jobs {
		switch verdicts[j.id] {
		case keep:
		case dropData:
			if err := j.edit(func(rec *record) { rec.HasData = false }); err == nil {
				j.dropData()
			}
		case expire:
			h.expire(j)
		case drop:
			if j.record().State == StateDone {
				h.forget(j)
			}
		}
	}
}

// expire ends an upload that nobody goes on with.
func (h *Handler) expire(j *job) {
	j.mu.Lock()
	busy := j.receiver != nil
	j.mu.Unlock()
	if busy {
		return
	}
	j.finish(OutcomeExpired, func(rec *record) {
		rec.Problem = newProblem("expired", "The upload was never finished", "no part came for "+durationText(h.cfg.UploadAge))
	}, nil)
}
