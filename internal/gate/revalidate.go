package gate

import (
	"context"
	"errors"
	"net/http"
	"time"
)

const (
	// retryEvery and retryFor bound how long a stream lives on while the
	// hook gives no verdict.
	retryEvery = 5 * time.Second
	retryFor   = time.Minute
)

// Revalidate blocks while ctx lives and returns why the stream must end: the
// [*Problem] of a denial, [ErrExpired] when the grant's Until has passed, or
// [ErrUnavailable] when the hook has given no verdict for a minute. It returns
// nil when ctx ends. The hook gets r with ctx as its context, since net/http
// ends a request's own context when its handler returns.
func (g *Guard) Revalidate(ctx context.Context, r *http.Request, res Resource, p Principal) error {
	r = r.WithContext(&valuesOf{Context: ctx, values: r.Context()})
	state := revalidation{until: p.Until, wait: g.cfg.Revalidate}
	for {
		d, expires := nextCheck(state.wait, state.until, time.Now())
		timer := time.NewTimer(d)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		if expires {
			return ErrExpired
		}
		acc, err := g.Recheck(r, res)
		if ctx.Err() != nil {
			return nil
		}
		if err := state.heard(acc, err, g.cfg.Revalidate, time.Now()); err != nil {
			return err
		}
	}
}

// revalidation is what a stream's checks have come to.
type revalidation struct {
	until        time.Time     // end of the grant
	wait         time.Duration // until the next check
	failingSince time.Time     // the hook has given no verdict since
}

// heard takes the hook's answer and returns why the stream must end, if it
// must.
func (v *revalidation) heard(acc Access, err error, every time.Duration, now time.Time) error {
	switch {
	case err == nil:
		*v = revalidation{until: acc.Until, wait: every}
	case isDenial(err):
		return err
	case v.failingSince.IsZero():
		v.failingSince, v.wait = now, retryEvery
	case now.Sub(v.failingSince) >= retryFor:
		return errors.Join(ErrUnavailable, err)
	}
	return nil
}

// nextCheck is how long to wait, and whether the grant ends first. A negative
// interval never asks again.
func nextCheck(interval time.Duration, until, now time.Time) (d time.Duration, expires bool) {
	d = interval
	if interval < 0 {
		d = 1<<63 - 1
	}
	if until.IsZero() {
		return d, false
	}
	if left := until.Sub(now); left <= d {
		return max(left, 0), true
	}
	return d, false
}

// isDenial tells a verdict from the lack of one. An address filter's refusal
// counts: it is a [*Problem] of 403.
func isDenial(err error) bool {
	s := AsProblem(err).Status
	return s == http.StatusUnauthorized || s == http.StatusForbidden
}

// valuesOf is ctx with the values of the request's own context.
type valuesOf struct {
	context.Context
	values context.Context
}

func (v *valuesOf) Value(key any) any {
	if val := v.Context.Value(key); val != nil {
		return val
	}
	return v.values.Value(key)
}
