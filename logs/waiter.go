package logs

import (
	"context"
	"os"
	"time"
)

// waiter waits for changes of files.
type waiter interface {
	// add has changes of an open file wake it.
	add(*os.File)
	// wait returns when something may have happened, after d at the latest,
	// or when ctx ends.
	wait(ctx context.Context, d time.Duration)
	// backstop is how long to wait when nothing else is due.
	backstop() time.Duration
	close()
}

const (
	pollFast = 25 * time.Millisecond
	pollSlow = 250 * time.Millisecond
)

// poller waits a while: a little after something happened, longer and longer
// when nothing does.
type poller struct{ next time.Duration }

func newPoller() *poller { return &poller{next: pollFast} }

func (p *poller) add(*os.File) { p.next = pollFast }

func (p *poller) backstop() time.Duration {
	d := p.next
	p.next = min(pollSlow, p.next*3/2)
	return d
}

// busy is told when a look found something.
func (p *poller) busy() { p.next = pollFast }

func (p *poller) wait(ctx context.Context, d time.Duration) { sleep(ctx, d) }

func (p *poller) close() {}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
