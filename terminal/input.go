package terminal

import "time"

// queueMax is how many input bytes a session holds for a command that does not
// read them. The kernel takes about 20 KiB more.
const queueMax = 256 << 10

// clientsMax is how many clients a session remembers the input offset of.
const clientsMax = 64

// client is what a session remembers of one browser tab, so that input which
// is sent again after a broken connection is not typed twice.
type client struct {
	accepted int64 // bytes taken into the queue, or discarded from a viewer
	seen     time.Time
	attached int
}

// clientFor returns the record of a client. An empty id stands for a client
// that does not want to be recognized.
func clientFor(m map[string]*client, id string, now time.Time) *client {
	if id == "" {
		return &client{}
	}
	c := m[id]
	if c == nil {
		if len(m) >= clientsMax {
			forgetOldest(m)
		}
		c = &client{}
		m[id] = c
	}
	c.seen = now
	return c
}

func forgetOldest(m map[string]*client) {
	var oldest string
	for id, c := range m {
		if c.attached == 0 && (oldest == "" || c.seen.Before(m[oldest].seen)) {
			oldest = id
		}
	}
	if oldest != "" {
		delete(m, oldest)
	}
}

// inputQueue is a bounded first-in-first-out buffer of input bytes.
type inputQueue struct {
	buf []byte
	off int // buf[off:] waits
}

func (q *inputQueue) len() int  { return len(q.buf) - q.off }
func (q *inputQueue) room() int { return queueMax - q.len() }

// push appends as much of b as there is room for and returns how much.
func (q *inputQueue) push(b []byte) int {
	b = b[:min(len(b), q.room())]
	if q.off > 0 && len(q.buf)+len(b) > cap(q.buf) {
		q.buf = q.buf[:copy(q.buf, q.buf[q.off:])]
		q.off = 0
	}
	q.buf = append(q.buf, b...)
	return len(b)
}

// peek copies the oldest bytes into dst.
func (q *inputQueue) peek(dst []byte) int { return copy(dst, q.buf[q.off:]) }

// pop forgets the oldest n bytes, and the memory once nothing is left.
func (q *inputQueue) pop(n int) {
	q.off += n
	if q.off == len(q.buf) {
		q.buf, q.off = nil, 0
	}
}
