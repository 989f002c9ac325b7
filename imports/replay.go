package imports

import (
	"cmp"
	"slices"
)

// replayBatch bounds what a watcher takes at once, so that one that joins late
// does not hold the log's lock or much memory.
const replayBatch = 256 << 10

// batch is what a watcher sends next.
type batch struct {
	lines    [][]byte
	seq      uint64 // the last durable event included
	progress []byte // nil: nothing new
	version  uint64
	end      bool // the stream is complete
	more     bool // ask again at once
	changed  <-chan struct{}
}

// since collects what follows the durable event seq and the progress message
// version. Holes in the numbering, left by dropped output or a damaged
// journal, become gap messages; the end of an earlier attempt is left out,
// because a client stops at an end.
func (l *eventLog) since(seq, version uint64) batch {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := batch{seq: seq, version: l.version, changed: l.changed}
	if seq > l.seq { // a number from another epoch
		seq, b.seq = 0, 0
	}
	i, _ := slices.BinarySearchFunc(l.entries, seq+1, func(e entry, s uint64) int { return cmp.Compare(e.seq, s) })
	size := 0
	for ; i < len(l.entries); i++ {
		if size >= replayBatch {
			b.more = true
			return b
		}
		e := l.entries[i]
		if e.seq > b.seq+1 {
			b.lines = append(b.lines, l.gapLocked(b.seq+1, e.seq-1, i))
		}
		b.seq = e.seq
		if e.end && (i < len(l.entries)-1 || !l.ended) {
			continue
		}
		b.lines = append(b.lines, e.line)
		size += len(e.line)
	}
	if b.seq < l.seq {
		b.lines = append(b.lines, l.gapLocked(b.seq+1, l.seq, i))
		b.seq = l.seq
	}
	if l.ended {
		b.end = true
	} else if l.version != version {
		b.progress = l.progress
	}
	return b
}

// gapLocked says what is missing before the entry at index i. The bytes of the
// dropped output are told with the first gap that follows the kept head.
func (l *eventLog) gapLocked(from, to uint64, i int) []byte {
	g := gapMessage{Type: "gap", From: from, To: to}
	if l.out == nil {
		return encode(g)
	}
	holeFrom, holeTo := l.out.hole()
	for j := i - 1; j >= 0; j-- {
		if ref := l.entries[j].out; ref != nil {
			if ref.Off+int64(ref.N) == holeFrom && j == i-1 {
				g.Bytes = holeTo - holeFrom
			}
			break
		}
	}
	return encode(g)
}
