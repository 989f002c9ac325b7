package logs

import "sort"

// ring is the newest segments of a source, bounded in bytes. A segment's index
// never changes, so a viewer is nothing but the index of its next segment. It
// is not safe for concurrent use; the hub's lock guards it.
type ring struct {
	max int64

	segs  []*segment // segs[head:] are in the ring
	head  int
	base  int64 // index of segs[head]
	bytes int64

	next    int64 // number of the next line
	evicted int64 // number of the first line that is still here
	lost    int64 // bytes of lines evicted so far
	total   int64 // bytes of lines ever added

	start Position // where the oldest segment begins
	from  string   // the cursor for start
}

func newRing(max, first int64) ring { return ring{max: max, next: first, evicted: first} }

// end is the index that the next segment gets.
func (r *ring) end() int64 { return r.base + int64(len(r.segs)-r.head) }

// at returns the segment of an index in [base, end).
func (r *ring) at(index int64) *segment { return r.segs[r.head+int(index-r.base)] }

// add appends a segment and evicts what no longer fits; the newest always
// stays.
func (r *ring) add(s *segment) {
	s.before = r.total
	r.segs = append(r.segs, s)
	r.bytes += s.size()
	r.next = s.next()
	r.total += s.raw
	for r.bytes > r.max && len(r.segs)-r.head > 1 {
		r.evict()
	}
}

func (r *ring) evict() {
	s := r.segs[r.head]
	r.segs[r.head] = nil
	r.head++
	r.base++
	r.bytes -= s.size()
	r.evicted = s.next()
	r.lost += s.raw
	r.start, r.from = s.pos, s.cursor
	if r.head > 64 && r.head*2 > len(r.segs) {
		n := copy(r.segs, r.segs[r.head:])
		clear(r.segs[n:])
		r.segs, r.head = r.segs[:n], 0
	}
}

// find returns the index of the segment that holds line number n, or of the
// first one after it, and how many of its lines come before n. Events that
// stand between line n-1 and line n come first, except for the first sub of
// them. N must be at least evicted.
func (r *ring) find(n, sub int64) (index int64, skip int) {
	segs := r.segs[r.head:]
	i := sort.Search(len(segs), func(i int) bool { return segs[i].next() > n })
	if i < len(segs) && n > segs[i].first {
		return r.base + int64(i), int(n - segs[i].first)
	}
	first := i
	for first > 0 && len(segs[first-1].lines) == 0 && segs[first-1].first == n {
		first--
	}
	return r.base + min(int64(first)+sub, int64(i)), 0
}

// near returns the index of the segment from which at most n bytes lie ahead,
// at least the newest: where a viewer that has fallen out goes on.
func (r *ring) near(n int64) int64 {
	index := r.end()
	for index > r.base {
		n -= r.at(index - 1).size()
		if n < 0 && index < r.end() {
			break
		}
		index--
	}
	return index
}
