package procgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// orphanTermGrace is how long orphans have after SIGTERM at most: they had
// their hangup when the host died, and the new one waits for them.
const orphanTermGrace = 500 * time.Millisecond

// orphans does the work of Orphans.
func (m *Manager) orphans(ctx context.Context) (ended int, err error) {
	if m.instance == nil {
		return 0, nil
	}
	dead, err := deadInstances(filepath.Dir(m.instance.dir))
	if err != nil {
		for _, i := range dead {
			err = errors.Join(err, i.close(false))
		}
		return 0, err
	}
	type result struct {
		ended int
		err   error
	}
	results := make([]result, len(dead))
	var wg sync.WaitGroup
	for n, i := range dead {
		wg.Go(func() {
			results[n].ended, results[n].err = m.sweep(ctx, i)
		})
	}
	wg.Wait()
	for _, r := range results {
		ended += r.ended
		err = errors.Join(err, r.err)
	}
	return ended, err
}

// sweep ends what a dead instance left behind, then the instance.
func (m *Manager) sweep(ctx context.Context, i *instance) (ended int, err error) {
	if i.h.Boot != bootID() {
		return 0, i.close(true) // nothing outlives the kernel it ran on
	}
	t := newOrphanTree(i)
	steps := m.cfg.steps(false)
	steps[0].grace = min(steps[0].grace, orphanTermGrace)
	left, _ := descend(t, steps, func() time.Time {
		if d, ok := ctx.Deadline(); ok {
			return killBefore(d, t.begun)
		}
		if ctx.Err() != nil {
			return time.Unix(0, 0)
		}
		return time.Time{}
	})
	ended = len(t.seen) - left
	if ended > 0 || left > 0 {
		m.log.Warn("procgroup: ended processes of a host that crashed", "ended", ended, "survivors", left)
	}
	if i.h.Cgroup != "" {
		if err := t.base.remove(); err != nil && !errors.Is(err, os.ErrNotExist) {
			m.log.Debug("procgroup: cgroup is still in use", "err", err)
		}
	}
	if left > 0 {
		err = fmt.Errorf("procgroup: %d processes of a crashed host could not be ended", left)
	}
	return ended, errors.Join(err, i.close(left == 0))
}

// An orphanTree is all that a dead instance left.
type orphanTree struct {
	i       *instance
	begun   time.Time
	procs   *procReader
	base    cgroup
	records map[string]record
	members []proc
	seen    map[ident]struct{}
}

func newOrphanTree(i *instance) *orphanTree {
	return &orphanTree{
		i: i, begun: time.Now(), base: cgroup(i.h.Cgroup),
		procs: newProcReader(i.h.Ticks), records: i.records(),
		seen: make(map[ident]struct{}),
	}
}

func (t *orphanTree) look() (members, kept int) {
	members = t.lookOnce()
	if members == 0 && len(t.seen) > 0 { // see groupTree.look
		members = t.lookOnce()
	}
	return members, 0
}

func (t *orphanTree) lookOnce() int {
	snap := t.procs.take()
	t.members = t.members[:0]
	for _, p := range t.find(snap) {
		t.members = append(t.members, p)
		t.seen[p.ident()] = struct{}{}
	}
	if len(t.members) == 0 && snap.partial {
		return 1
	}
	return len(t.members)
}

// find returns the members in snap. A group is known by its record, by its
// mark or by its cgroup; each may be all that is left.
func (t *orphanTree) find(snap *snapshot) []proc {
	marks := make(map[string]struct{})
	for mark := range t.records {
		marks[mark] = struct{}{}
	}
	for mark := range snap.marked {
		if strings.HasPrefix(mark, t.i.id+".") {
			marks[mark] = struct{}{}
		}
	}
	for _, mark := range t.base.children() {
		marks[mark] = struct{}{}
	}

	var found []proc
	dup := make(map[int]struct{})
	for mark := range marks {
		for _, p := range t.group(snap, mark) {
			if _, again := dup[p.pid]; !again {
				dup[p.pid] = struct{}{}
				found = append(found, p)
			}
		}
	}
	for id := range t.seen {
		if _, again := dup[id.pid]; !again && snap.procs[id.pid].ident() == id {
			found = append(found, snap.procs[id.pid])
		}
	}
	return found
}

// group returns the members of one group. The number of its session counts
// only while it cannot have been used again: when the leader is still the
// process that was recorded, or when a carrier of the mark is in the session.
// What has left the session of a group that keeps its daemons is no member.
func (t *orphanTree) group(snap *snapshot, mark string) []proc {
	r := t.records[mark]
	sel := selector{mark: mark, pids: t.base.child(mark).pids(), except: os.Getpid()}
	if r.Pid > 0 && snap.procs[r.Pid].ident() == (ident{r.Pid, r.Start}) {
		sel.session = r.Pid
	}
	for _, pid := range snap.marked[mark] {
		if r.Pid > 0 && snap.procs[pid].sid == r.Pid {
			sel.session = r.Pid
		}
	}
	found := snap.find(sel)
	if keepsDaemons(mark) {
		found = slices.DeleteFunc(found, func(p proc) bool { return p.sid != r.Pid })
	}
	return found
}

func (t *orphanTree) known() bool {
	for _, p := range t.members {
		if aliveExact(p.ident()) {
			return true
		}
	}
	return false
}

func (t *orphanTree) signal(sig syscall.Signal) {
	for _, mark := range t.base.children() {
		if sig == syscall.SIGKILL && !keepsDaemons(mark) {
			t.base.child(mark).kill()
		}
	}
	for _, p := range t.members {
		_ = signalExact(p.ident(), sig)
	}
	if sig != syscall.SIGKILL {
		for _, p := range t.members {
			_ = signalExact(p.ident(), syscall.SIGCONT)
		}
	}
}
