package procgroup

import "sync"

// A census hands out snapshots. Taking one costs some 20 µs for each process
// of the machine, so those who ask at the same time share one: a thousand
// endings need a handful, not a thousand.
type census struct {
	read  func() *snapshot // called by one goroutine at a time
	spawn func(func())     // starts a goroutine that somebody waits for

	mu      sync.Mutex // guards the following
	reading bool
	waiting []chan *snapshot
}

// get returns a snapshot that was begun after the call.
func (c *census) get() *snapshot {
	ch := make(chan *snapshot, 1)
	c.mu.Lock()
	c.waiting = append(c.waiting, ch)
	if !c.reading {
		c.reading = true
		c.spawn(c.serve)
	}
	c.mu.Unlock()
	return <-ch
}

// serve reads until nobody waits any more.
func (c *census) serve() {
	for {
		c.mu.Lock()
		waiting := c.waiting
		c.waiting = nil
		c.reading = len(waiting) > 0
		c.mu.Unlock()
		if len(waiting) == 0 {
			return
		}
		s := c.read()
		for _, ch := range waiting {
			ch <- s
		}
	}
}
