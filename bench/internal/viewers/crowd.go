package viewers

import (
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/pruvon/pruvon/bench/internal/lines"
)

// Crowd is a number of viewers of one server.
type Crowd struct {
	Tally *lines.Tally
	conns []net.Conn
	wg    sync.WaitGroup
	pause sync.RWMutex // held for writing while nobody reads
}

// judges is how many viewers of a crowd are looked at closely.
const judges = 4

// Open connects n viewers, spread over them a few that are watched.
func Open(addr string, p Protocol, n int) (*Crowd, error) {
	c := &Crowd{Tally: new(lines.Tally)}
	every := max(n/judges, 1)
	for i := range n {
		conn, err := Dial(addr, p)
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("viewer %d: %w", i, err)
		}
		c.conns = append(c.conns, conn)
		r := &reader{c, conn}
		if i%every == every/2 {
			c.wg.Go(func() { c.Tally.Watch(r) })
		} else {
			c.wg.Go(func() { c.Tally.Read(r) })
		}
	}
	return c, nil
}

// Pause keeps all viewers from reading until Resume. What has reached them in
// the kernel stays there: their receive buffers, at most 256 KiB each from now
// on.
func (c *Crowd) Pause() {
	for _, conn := range c.conns {
		_ = conn.(*net.TCPConn).SetReadBuffer(128 << 10)
	}
	c.pause.Lock()
}

// Resume lets them read on.
func (c *Crowd) Resume() { c.pause.Unlock() }

// reader is a viewer's connection while its crowd is not paused.
type reader struct {
	crowd *Crowd
	r     io.Reader
}

func (r *reader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.crowd.pause.RLock()
	defer r.crowd.pause.RUnlock()
	return n, err
}

// Close ends all viewers and waits for them.
func (c *Crowd) Close() {
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.wg.Wait()
}
