package pruvon

import (
	"context"
	"errors"
	"sync"
	"time"
)

// drainMargin is what Shutdown keeps of its deadline for ending imports that
// have not come to an end by themselves.
const drainMargin = 5 * time.Second

// Shutdown ends the terminals at once (their clients see 1001) and the log
// streams, lets running imports finish until five seconds before ctx's
// deadline and then interrupts them, and returns when no goroutine, process or
// file of ours is left, or with ctx's error. Call it before http.Server's
// Shutdown, which knows nothing of upgraded connections (golang/go#17721).
// Requests that come in afterwards are refused.
func (a *App) Shutdown(ctx context.Context) error {
	var stops []func(context.Context) error
	if a.terminal != nil {
		stops = append(stops, a.terminal.Shutdown)
	}
	if a.logs != nil {
		stops = append(stops, a.logs.Shutdown)
	}
	if a.imports != nil {
		stops = append(stops, a.imports.Shutdown)
	}
	if a.filter != nil {
		stops = append(stops, a.filter.Shutdown)
	}
	if a.guard != nil {
		stops = append(stops, a.guard.Shutdown)
	}
	errs := make([]error, len(stops))
	var wg sync.WaitGroup
	for i, stop := range stops {
		wg.Go(func() { errs[i] = stop(ctx) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
