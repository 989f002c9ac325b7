package terminal

// Bounds of the output window, in bytes.
const (
	windowMin     = 16 << 10
	windowMax     = 1 << 20
	windowDefault = 128 << 10

	// drainRoom is what the ring holds beyond its size once the command has
	// exited: a Linux pty keeps up to 64 KiB of output and 4 KiB more, which
	// nobody waits for any longer with a write.
	drainRoom = 128 << 10
)

// flow is the output side of one connection: which bytes have been sent and
// which the client has said that it has drawn.
//
// The browser's WebSocket takes everything off the socket at once, so TCP
// cannot tell the server that a page is behind. Acknowledged bytes can.
type flow struct {
	sent, acked int64
	window      int64
	implicit    bool // raw dialect: what the socket took counts as drawn
}

// open starts a flow at an offset.
func (f *flow) open(off int64) { f.sent, f.acked = off, off }

// room is how many bytes may be sent now.
func (f *flow) room() int64 {
	if f.implicit {
		return windowMax
	}
	return max(f.window-(f.sent-f.acked), 0)
}

// take records that n bytes are being sent.
func (f *flow) take(n int) { f.sent += int64(n) }

// delivered records that the socket took everything that was sent.
func (f *flow) delivered() {
	if f.implicit {
		f.acked = f.sent
	}
}

// ack records an acknowledgement and reports whether it can be one: it must
// not be ahead of what was sent. One that is behind is old news, not a fault:
// after a reset the client's acknowledgements of the replaced bytes are still
// on their way.
func (f *flow) ack(off int64) (advanced, ok bool) {
	if off < 0 || off > f.sent {
		return false, false
	}
	if off <= f.acked {
		return false, true
	}
	f.acked = off
	return true, true
}

// readPolicy says how far ahead of whom the terminal may be read.
type readPolicy struct {
	draining bool // the command has exited: only the kernel's buffer is left
	primary  *flow
	watched  bool  // somebody is attached, but not the primary
	acked    int64 // what the last primary had acknowledged when it left
	discard  bool  // nobody attached: read on and forget
	keep     int64 // size of the ring
}

// limit returns the offset at which reading stops, so that the command blocks
// in its write: nothing is ever dropped that the primary still has to see.
func (p readPolicy) limit() int64 {
	const unlimited = 1<<63 - 1
	switch {
	case p.primary != nil && p.draining:
		return p.primary.acked + p.keep + drainRoom
	case p.primary != nil && p.primary.implicit:
		return p.primary.acked + windowDefault
	case p.primary != nil:
		return p.primary.acked + p.primary.window
	case p.watched, p.discard:
		return unlimited
	case p.draining:
		return p.acked + p.keep + drainRoom
	default:
		return p.acked + p.keep
	}
}
