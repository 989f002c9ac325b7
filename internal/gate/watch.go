package gate

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Watch does what [Guard.Revalidate] does without a goroutine that waits: a
// stream that idles for hours costs a timer. It calls end once, from a
// goroutine of its own, with the reason why the stream must end. Stop ends the
// watch and returns when no call of the hook or of end is under way; end must
// not call it.
func (g *Guard) Watch(ctx context.Context, r *http.Request, res Resource, p Principal, end func(error)) (stop func()) {
	w := &watch{
		g: g, ctx: ctx, r: r.WithContext(&valuesOf{Context: ctx, values: r.Context()}), res: res, end: end,
		state: revalidation{until: p.Until, wait: g.cfg.Revalidate},
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(time.Hour, w.check)
	w.armLocked()
	return w.stop
}

type watch struct {
	g   *Guard
	ctx context.Context
	r   *http.Request
	res Resource
	end func(error)

	mu      sync.Mutex // held while a check runs
	timer   *time.Timer
	state   revalidation
	expires bool // the grant ends when the timer fires
	over    bool
}

func (w *watch) armLocked() {
	var d time.Duration
	d, w.expires = nextCheck(w.state.wait, w.state.until, time.Now())
	w.timer.Reset(d)
}

func (w *watch) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || w.ctx.Err() != nil {
		return
	}
	if err := w.verdictLocked(); err != nil {
		w.over = true
		w.end(err)
		return
	}
	w.armLocked()
}

func (w *watch) verdictLocked() error {
	if w.expires {
		return ErrExpired
	}
	acc, err := w.g.Recheck(w.r, w.res)
	if w.ctx.Err() != nil {
		return nil
	}
	return w.state.heard(acc, err, w.g.cfg.Revalidate, time.Now())
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.timer.Stop()
}
