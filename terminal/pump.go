package terminal

import "time"

const (
	// frameMax is the largest binary message.
	frameMax = 64 << 10
	// frameEnough is how much output is sent without waiting for company. A
	// third of it at most may be left of the window: the next message is on
	// its way while the client draws this one.
	frameEnough = 48 << 10
	// frameWait is how long output waits for company while it keeps coming.
	frameWait = 2 * time.Millisecond
)

// pump decides when waiting output becomes a message. A Linux pty hands over
// about 4 KiB a read, so a message a read spends most of its time on
// messages; but what answers a key must not wait for company.
type pump struct {
	last   time.Time // when the previous message was sent
	prompt bool      // input has been passed on since
}

// verdict is what a pump says about waiting output: send it now, or wait until
// there is want of it or the time at has come.
type verdict struct {
	send bool
	want int64
	at   time.Time
}

// decide looks at avail waiting bytes of which room may be sent. stopped says
// that no more will come before these have been acknowledged.
func (p *pump) decide(now time.Time, avail, room, window int64, stopped bool) verdict {
	can := min(avail, room)
	if can <= 0 {
		return verdict{want: 1}
	}
	full := min(frameEnough, window*3/8)
	due := p.last.Add(frameWait)
	if p.prompt || stopped || can >= full || !now.Before(due) {
		return verdict{send: true}
	}
	if room < full {
		// The window closes before the message is half full: only an
		// acknowledgement or the clock can change that.
		return verdict{want: avail + full, at: due}
	}
	return verdict{want: full, at: due}
}

// sent records a message.
func (p *pump) sent(now time.Time) { p.last, p.prompt = now, false }

// nextRead adapts the size of reads: an idle terminal keeps little memory, a
// busy one is read in large pieces.
func nextRead(size, got int) int {
	switch {
	case got >= size:
		return min(size*2, readMax)
	case got < size/4:
		return max(size/2, readMin)
	}
	return size
}
