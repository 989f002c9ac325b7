package terminal

// Sizes of a ring and of the reads that fill it, in bytes.
const (
	ringStart = 1 << 10
	readMin   = 1 << 10
	readMax   = 64 << 10
)

// ring holds the newest bytes of a stream whose bytes are numbered from 0. It
// starts small and doubles until it can hold keep bytes beside one read.
//
// It has one writer, which fills memory handed out by space without holding
// the session's lock: that memory lies outside [start, end).
type ring struct {
	buf        []byte
	keep       int
	start, end int64
	at         int // index in buf of the byte with offset end
}

// space returns memory for up to n bytes of the stream, at least one. Bytes
// that no longer fit beside it are dropped first.
func (r *ring) space(n int) []byte {
	n = min(n, readMax)
	limit := r.keep + readMax
	if len(r.buf) < limit && int(r.end-r.start)+n > len(r.buf) {
		r.grow(n, limit)
	}
	n = min(n, len(r.buf)-r.at)
	r.start = max(r.start, r.end-int64(len(r.buf)-n))
	return r.buf[r.at : r.at+n]
}

// grow makes room for n more bytes. The content moves to the front, so that
// the next reads are not cut by the seam.
func (r *ring) grow(n, limit int) {
	size := max(len(r.buf), ringStart)
	for size < limit && int(r.end-r.start)+n > size {
		size *= 2
	}
	buf := make([]byte, min(size, limit))
	used := r.copyAt(buf, r.start)
	r.buf, r.at = buf, used
	if r.at == len(buf) {
		r.at = 0
	}
}

// commit adds the first n bytes of what space returned to the stream.
func (r *ring) commit(n int) {
	r.end += int64(n)
	if r.at += n; r.at == len(r.buf) {
		r.at = 0
	}
}

// copyAt copies bytes from off on into dst and returns how many there were.
// The caller makes sure that off is not before start.
func (r *ring) copyAt(dst []byte, off int64) int {
	have := int(r.end - off)
	if have <= 0 || len(dst) == 0 {
		return 0
	}
	i := r.at - have
	if i < 0 {
		i += len(r.buf)
	}
	have = min(have, len(dst))
	n := copy(dst[:have], r.buf[i:])
	n += copy(dst[n:have], r.buf)
	return n
}
