package wsconn

import (
	"context"
	"math/rand/v2"
	"time"
)

// sleptThreshold tells a peer that is gone from a process that was not
// running: a pong timer this late means that we were stopped or suspended, and
// the peer deserves another round.
const sleptThreshold = 3 * time.Second

func jitter(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/5+1))
}

// ping runs in its timer's goroutine, so an idle connection keeps none. The
// WaitGroup's count stands for the timer until Wait stops it or the connection
// is gone.
func (c *Conn) ping() {
	start := time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, c.opts.PongTimeout)
	err := c.ws.Ping(ctx)
	cancel()
	took := time.Since(start)
	next := jitter(c.opts.PingEvery)
	switch {
	case err == nil:
		c.rtt.Store(int64(took))
	case c.ctx.Err() != nil:
	case took > c.opts.PongTimeout+sleptThreshold:
		next = 0
	case c.net.lastRead().After(start):
		// Something came in after the ping: the peer lives, the pong is
		// stuck behind a large write.
	default:
		c.Kill()
	}
	c.pingAgain(next)
}

// pingAgain arms the timer, unless Wait has come or the connection is gone.
func (c *Conn) pingAgain(next time.Duration) {
	c.pingMu.Lock()
	defer c.pingMu.Unlock()
	if c.pingOver || c.ctx.Err() != nil {
		c.pingOver = true
		c.wg.Done()
		return
	}
	c.pingTimer.Reset(next)
}

// stopPings takes the timer's place in the WaitGroup back, unless a ping is in
// flight and will do so itself.
func (c *Conn) stopPings() {
	c.pingMu.Lock()
	defer c.pingMu.Unlock()
	if c.pingTimer == nil || c.pingOver {
		return
	}
	c.pingOver = true
	if c.pingTimer.Stop() {
		c.wg.Done()
	}
}

// onPing counts the peer's pings; a flood of them is no keepalive.
func (c *Conn) onPing(context.Context, []byte) bool {
	if c.pings.Take(time.Now()) {
		return true
	}
	c.Close(CodePolicy, "too many pings")
	return false
}
