// Package faultproxy is a TCP proxy for tests that breaks connections on
// purpose: at a byte, by a reset, by an end in one direction, by a stall or by
// a slow line.
package faultproxy

import (
	"errors"
	"net"
	"sync"
	"time"
)

// Action is what happens to a connection.
type Action uint8

const (
	// None lets everything pass.
	None Action = iota
	// Reset cuts the connection without a goodbye (RST to both ends).
	Reset
	// Close ends it in both directions (FIN to both ends).
	Close
	// HalfClose ends this direction only (FIN to the receiver).
	HalfClose
	// Stall lets nothing pass in this direction any more, but keeps the
	// connection: a dead peer, as the other one sees it.
	Stall
)

// Direction is what happens to the bytes that go one way.
type Direction struct {
	// After is how many bytes pass before Do.
	After int64
	// Do is what happens then.
	Do Action
	// Rate is how many bytes pass in a second. 0 = as many as come.
	Rate int
}

// Fault is what happens to a connection.
type Fault struct {
	// Down goes from the server to the client, Up the other way.
	Down, Up Direction
}

// Proxy forwards connections to one address. Its methods may be called
// concurrently.
type Proxy struct {
	target string
	l      net.Listener
	wg     sync.WaitGroup
	quit   chan struct{} // ends stalls and slow lines

	mu     sync.Mutex
	fault  Fault
	live   map[*link]struct{}
	closed bool
}

// link is one forwarded connection.
type link struct {
	client, server *net.TCPConn
	gone           chan struct{}
	once           sync.Once
}

// New returns a Proxy that listens on a free port of the loopback address.
func New(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{target: target, l: l, quit: make(chan struct{}), live: make(map[*link]struct{})}
	p.wg.Go(p.accept)
	return p, nil
}

// Addr is where clients connect to, as host:port.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Set chooses what happens to connections that are accepted from now on.
func (p *Proxy) Set(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = f
}

// Cut resets every connection of the moment and returns how many there were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	links := make([]*link, 0, len(p.live))
	for l := range p.live {
		links = append(links, l)
	}
	p.mu.Unlock()
	for _, l := range links {
		l.end(true)
	}
	return len(links)
}

// Close stops listening, resets every connection and waits for all of it.
func (p *Proxy) Close() error {
	p.mu.Lock()
	was := p.closed
	p.closed = true
	p.mu.Unlock()
	if was {
		return nil
	}
	err := p.l.Close()
	close(p.quit)
	p.Cut()
	p.wg.Wait()
	return err
}

func (p *Proxy) accept() {
	for {
		c, err := p.l.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		s, err := net.Dial("tcp", p.target)
		if err != nil {
			_ = c.Close()
			continue
		}
		l := &link{client: c.(*net.TCPConn), server: s.(*net.TCPConn), gone: make(chan struct{})}
		p.mu.Lock()
		f, closed := p.fault, p.closed
		p.live[l] = struct{}{}
		p.mu.Unlock()
		if closed {
			l.end(true)
		}
		p.wg.Go(func() { p.forward(l, f) })
	}
}

func (p *Proxy) forward(l *link, f Fault) {
	var both sync.WaitGroup
	both.Go(func() { p.pass(l, l.server, l.client, f.Down) })
	both.Go(func() { p.pass(l, l.client, l.server, f.Up) })
	both.Wait()
	l.end(false)
	p.mu.Lock()
	delete(p.live, l)
	p.mu.Unlock()
}

// end closes both ends; reset makes it an abortive close.
func (l *link) end(reset bool) {
	l.once.Do(func() {
		if reset {
			_ = l.client.SetLinger(0)
			_ = l.server.SetLinger(0)
		}
		close(l.gone)
		_ = l.client.Close()
		_ = l.server.Close()
	})
}

// pass copies one direction until its fault or its end.
func (p *Proxy) pass(l *link, from, to *net.TCPConn, d Direction) {
	left := d.After
	buf := make([]byte, 32<<10)
	for {
		b := buf
		if d.Do != None && left < int64(len(b)) {
			b = b[:left]
		}
		if d.Rate > 0 && len(b) > d.Rate/50+1 {
			b = b[:d.Rate/50+1]
		}
		if len(b) == 0 {
			p.strike(l, to, d.Do)
			return
		}
		n, err := from.Read(b)
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				l.end(true)
				return
			}
			left -= int64(n)
			if d.Rate > 0 && !p.rest(l, time.Second*time.Duration(n)/time.Duration(d.Rate)) {
				return
			}
		}
		if err != nil {
			_ = to.CloseWrite()
			return
		}
	}
}

func (p *Proxy) strike(l *link, to *net.TCPConn, a Action) {
	switch a {
	case Reset:
		l.end(true)
	case Close:
		l.end(false)
	case HalfClose:
		_ = to.CloseWrite()
	case Stall:
		select {
		case <-l.gone:
		case <-p.quit:
		}
	}
}

func (p *Proxy) rest(l *link, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.gone:
	case <-p.quit:
	}
	return false
}
