package imports

import (
	"slices"
	"time"
)

// queue decides which import runs next. It is pure: its owner locks it.
type queue struct {
	slots   int // negative: no limit
	waiting []queued
	running map[string]int // by target
	busy    int
	closed  bool
}

type queued struct {
	j      *job
	target string
	lock   bool
}

// next takes the first import that may start: there is a slot, and its target
// is free if it has a lock. One that waits for a lock does not hold up those
// behind it.
func (q *queue) next() (*job, bool) {
	if q.closed || q.slots >= 0 && q.busy >= q.slots {
		return nil, false
	}
	i := slices.IndexFunc(q.waiting, func(w queued) bool { return !w.lock || q.running[w.target] == 0 })
	if i < 0 {
		return nil, false
	}
	w := q.waiting[i]
	q.waiting = slices.Delete(q.waiting, i, i+1)
	q.busy++
	q.running[w.target]++
	return w.j, true
}

// free gives a slot back.
func (q *queue) free(target string) {
	q.busy--
	if q.running[target]--; q.running[target] == 0 {
		delete(q.running, target)
	}
}

// position is the place of an import, from 1; 0 when it does not wait.
func (q *queue) position(j *job) int {
	return 1 + slices.IndexFunc(q.waiting, func(w queued) bool { return w.j == j })
}

// remove takes an import out and reports whether it was there.
func (q *queue) remove(j *job) bool {
	n := len(q.waiting)
	q.waiting = slices.DeleteFunc(q.waiting, func(w queued) bool { return w.j == j })
	return len(q.waiting) < n
}

// enqueue lets a queued import wait for its turn.
func (h *Handler) enqueue(j *job, lock bool) {
	h.mu.Lock()
	h.queue.waiting = append(h.queue.waiting, queued{j: j, target: j.record().Target, lock: lock})
	h.mu.Unlock()
	h.schedule()
	if h.position(j) != nil {
		h.background(func() {
			j.syncData()
			_ = j.digestData(h.life) // an error shows again when the import's turn has come
		})
	}
}

// schedule starts what may start.
func (h *Handler) schedule() {
	h.mu.Lock()
	var start []*job
	for {
		j, ok := h.queue.next()
		if !ok {
			break
		}
		h.running.Add(1)
		start = append(start, j)
	}
	waiting := slices.Clone(h.queue.waiting)
	h.metrics.queue(h.queue.busy, len(waiting))
	h.mu.Unlock()
	for _, j := range start {
		go h.execute(j)
	}
	for i, w := range waiting {
		place := i + 1
		w.j.log.setProgress(encode(progressMessage{
			Type: "progress", Progress: *(&record{Source: Source{Size: -1}}).restingProgress(stageQueued), Position: &place,
		}))
	}
}

// freeSlot is the end of execute.
func (h *Handler) freeSlot(j *job) {
	j.mu.Lock()
	j.live = nil
	target := j.rec.Target
	j.mu.Unlock()
	h.mu.Lock()
	h.queue.free(target)
	h.mu.Unlock()
	h.schedule()
}

func (h *Handler) unqueue(j *job) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.queue.remove(j)
}

func (h *Handler) position(j *job) *int {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.queue.position(j); p > 0 {
		return &p
	}
	return nil
}

// lockHolder returns an import that keeps others off a target, except for one.
func (h *Handler) lockHolder(target string, except *job) *job {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, j := range h.jobs {
		if j == except {
			continue
		}
		if rec := j.record(); rec.Target == target && rec.State.holdsLock() {
			return j
		}
	}
	return nil
}

// announceStage tells the watchers about a stage that is in the record
// already.
func (j *job) announceStage(name string, at time.Time) {
	j.log.add(func(seq uint64) any { return stageMessage{Type: "stage", Seq: seq, At: at, Stage: name} })
}
