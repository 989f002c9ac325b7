package lines

import (
	"bytes"
	"io"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Tally counts what the viewers of one log have got. It may be used by all of
// them at the same time.
type Tally struct {
	count   atomic.Int64
	present atomic.Int64
	mu      sync.Mutex
	judges  []*Judge
}

// Count is how many lines have arrived, all viewers together.
func (t *Tally) Count() int64 { return t.count.Load() }

// Present is how many viewers have got something.
func (t *Tally) Present() int { return int(t.present.Load()) }

// Reset forgets what has been counted, but not what the judges have seen.
func (t *Tally) Reset() { t.count.Store(0) }

// Read counts the lines in r until it ends. It looks at nothing but the marks.
func (t *Tally) Read(r io.Reader) {
	buf, here := make([]byte, 128<<10), false
	for {
		n, err := r.Read(buf)
		here = t.add(buf[:n], here)
		if err != nil {
			return
		}
	}
}

// Watch counts like Read and keeps every line's number and age.
func (t *Tally) Watch(r io.Reader) {
	j := new(Judge)
	t.mu.Lock()
	t.judges = append(t.judges, j)
	t.mu.Unlock()
	buf, kept, here := make([]byte, 128<<10), 0, false
	for {
		n, err := r.Read(buf[kept:])
		now := time.Now().UnixNano()
		here = t.add(buf[kept:kept+n], here)
		kept = copy(buf, j.take(buf[:kept+n], now))
		if err != nil {
			return
		}
	}
}

// add counts the lines in b. It returns true from a viewer's first line on.
func (t *Tally) add(b []byte, here bool) bool {
	n := bytes.Count(b, []byte{Mark})
	t.count.Add(int64(n))
	if n > 0 && !here {
		t.present.Add(1)
	}
	return here || n > 0
}

// Judges returns what has been watched. The viewers must have ended.
func (t *Tally) Judges() []*Judge {
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]*Judge(nil), t.judges...)
}

// Judge is one viewer that is looked at closely.
type Judge struct {
	seen []uint8 // how often each number came, by number
	came []arrival
}

// arrival is a line that came: its number, and the time from append to receive.
type arrival struct {
	n   uint64
	age time.Duration
}

// most is the largest number that is believed; a larger one is damage.
const most = 1 << 28

// take looks at the lines in b and returns what may be the beginning of the
// next one.
func (j *Judge) take(b []byte, now int64) []byte {
	for {
		i := bytes.IndexByte(b, Mark)
		if i < 0 {
			return nil
		}
		if len(b)-i < headLength {
			return b[i:]
		}
		if n, at, ok := parse(b[i+1 : i+headLength]); ok && n < most {
			j.note(n)
			j.came = append(j.came, arrival{n, time.Duration(now - at)})
		}
		b = b[i+1:]
	}
}

func (j *Judge) note(n uint64) {
	if missing := int(n) + 1 - len(j.seen); missing > 0 {
		j.seen = append(j.seen, make([]uint8, missing)...)
	}
	if j.seen[n] < math.MaxUint8 {
		j.seen[n]++
	}
}

// Times is how often a number came.
func (j *Judge) Times(n uint64) int {
	if n >= uint64(len(j.seen)) {
		return 0
	}
	return int(j.seen[n])
}

// Missing is how many of the numbers from first up to end did not come.
func (j *Judge) Missing(first, end uint64) (missing int) {
	for n := first; n < end; n++ {
		if j.Times(n) == 0 {
			missing++
		}
	}
	return missing
}

// Doubled is how many of the numbers from first up to end came more than once.
func (j *Judge) Doubled(first, end uint64) (doubled int) {
	for n := first; n < end; n++ {
		if j.Times(n) > 1 {
			doubled++
		}
	}
	return doubled
}

// End is the number after the largest that came.
func (j *Judge) End() uint64 { return uint64(len(j.seen)) }

// Ages returns the time from append to receive of every line from a number on
// that the judges saw, in no order.
func Ages(judges []*Judge, first uint64) (ages []time.Duration) {
	for _, j := range judges {
		for _, l := range j.came {
			if l.n >= first {
				ages = append(ages, l.age)
			}
		}
	}
	return ages
}
