package wsconn

import "sync"

// smallBuffer is what an idle connection keeps to read into.
const smallBuffer = 512

// large holds the buffers that a message needed beyond that; an idle
// connection keeps none.
var large = sync.Pool{New: func() any { b := make([]byte, 0, 16<<10); return &b }}

// grow returns a buffer with room beyond n, holding the first n bytes of b.
func grow(b []byte, n int) []byte {
	switch {
	case cap(b) == 0:
		return make([]byte, smallBuffer)
	case cap(b) <= smallBuffer:
		next := *large.Get().(*[]byte)
		next = next[:cap(next)]
		copy(next, b[:n])
		return next
	default:
		next := make([]byte, 2*cap(b))
		copy(next, b[:n])
		return next
	}
}

// putLarge gives a large buffer back. The pool is no state of ours: it only
// saves allocations.
func putLarge(b []byte) []byte {
	if cap(b) > smallBuffer {
		big := b[:0] // not b: its address would put b on the heap in every call
		large.Put(&big)
		return nil
	}
	return b[:cap(b)]
}
