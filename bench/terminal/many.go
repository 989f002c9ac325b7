package terminal

import (
	"context"
	"errors"
	"sync"
)

// openers is how many sessions are opened at the same time.
const openers = 32

// openMany opens n terminals and waits until each is ready.
func openMany(ctx context.Context, dial dialer, name string, n int) ([]client, error) {
	clients := make([]client, n)
	errs := make([]error, n)
	next := make(chan int)
	var work sync.WaitGroup
	for range min(openers, n) {
		work.Go(func() {
			for i := range next {
				clients[i], errs[i] = openReady(ctx, dial, name)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	work.Wait()
	if err := errors.Join(errs...); err != nil {
		closeAll(clients)
		return nil, err
	}
	return clients, nil
}

// closeAll cuts the connections of those that are open.
func closeAll(clients []client) {
	for _, c := range clients {
		if c != nil {
			_ = c.Close()
		}
	}
}
