package logs

import (
	"net"
	"sync"
)

// fan hands the same bytes to every connection that a listener takes.
type fan struct {
	mu    sync.Mutex
	feeds map[*feed]bool
}

type feed struct {
	blocks chan []byte
	gone   chan struct{} // closed when the connection takes no more
}

func newFan(l net.Listener) *fan {
	f := &fan{feeds: make(map[*feed]bool)}
	go f.take(l)
	return f
}

// take accepts connections until the listener is closed. A connection that is
// slow holds the others up, as it must where nothing may be lost and nothing
// is kept.
func (f *fan) take(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		one := &feed{blocks: make(chan []byte, 4096), gone: make(chan struct{})}
		f.mu.Lock()
		f.feeds[one] = true
		f.mu.Unlock()
		go one.write(c)
	}
}

// send gives a block to every connection. It is not changed afterwards.
func (f *fan) send(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for one := range f.feeds {
		select {
		case one.blocks <- b:
		case <-one.gone:
			delete(f.feeds, one)
		}
	}
}

// write sends what has queued up in one call.
func (f *feed) write(c net.Conn) {
	defer c.Close()
	defer close(f.gone)
	for b := range f.blocks {
		queued := net.Buffers{b}
		for range len(f.blocks) {
			queued = append(queued, <-f.blocks)
		}
		if _, err := queued.WriteTo(c); err != nil {
			return
		}
	}
}
