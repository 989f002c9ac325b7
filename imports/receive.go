package imports

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// receiver is the request that writes to an upload. There is one at a time;
// a later one ends it and waits for that (a client whose connection has died
// without a sound comes back while the server still waits on the old one).
type receiver struct {
	rc   *http.ResponseController
	idle time.Duration
	done chan struct{}

	mu    sync.Mutex
	cause error
}

// stop ends the request with a cause.
func (c *receiver) stop(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = cause
		_ = c.rc.SetReadDeadline(time.Unix(1, 0))
	}
}

// arm gives the next read its time.
func (c *receiver) arm() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		return c.cause
	}
	if c.idle <= 0 {
		return nil
	}
	err := c.rc.SetReadDeadline(time.Now().Add(c.idle))
	if errors.Is(err, http.ErrNotSupported) {
		return nil // the host's server or middleware keeps the time itself
	}
	return err
}

func (c *receiver) stopped() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

var errTakenOver = errors.New("another request goes on with this upload")

// attach makes this request the upload's writer, ending an earlier one.
func (j *job) attach(ctx context.Context, w http.ResponseWriter) (*receiver, error) {
	c := &receiver{rc: http.NewResponseController(w), idle: j.h.cfg.UploadIdle, done: make(chan struct{})}
	for {
		j.mu.Lock()
		old := j.receiver
		if old == nil {
			defer j.mu.Unlock()
			if j.rec.State != StateReceiving {
				return nil, errNotReceiving(j.rec.State)
			}
			if j.rec.CancelRequested {
				return nil, errUploadCanceled()
			}
			if j.gone {
				return nil, gate.NotFound("no such import")
			}
			j.receiver = c
			return c, nil
		}
		j.mu.Unlock()
		old.stop(errTakenOver)
		select {
		case <-old.done:
		case <-ctx.Done():
			return nil, errCut(ctx.Err())
		}
	}
}

// detach ends this request's turn.
func (j *job) detach(c *receiver) {
	j.mu.Lock()
	if j.receiver == c {
		j.receiver = nil
	}
	j.mu.Unlock()
	close(c.done)
}

// intake is one stretch of bytes on its way into the spool.
type intake struct {
	j     *job
	c     *receiver
	f     *os.File
	limit int64 // bytes that may still come; negative: no limit
	over  func() *gate.Problem
	hash  *backgroundHash
}

// copy stores what body has. It returns how many bytes are stored, also with
// an error. Large reads past net/http's own buffer keep it at the speed of a
// plain io.Copy.
func (in *intake) copy(body io.Reader) (stored int64, err error) {
	buf := feedPool.Get().(*[]byte)
	defer feedPool.Put(buf)
	space := in.j.allotment()
	var fresh int64 // written and not yet accounted for
	defer func() { space.wrote(fresh) }()
	told := time.Now()
	for {
		if err := in.c.arm(); err != nil {
			return stored, in.explain(err)
		}
		n, rerr := body.Read(*buf)
		if n > 0 {
			if in.limit >= 0 && stored+int64(n) > in.limit {
				return stored, in.over()
			}
			if left := space.left(); left < fresh+int64(n) {
				space.wrote(fresh)
				fresh = 0
				if left = space.left(); left < int64(n) {
					if err := space.promise(max(grant, int64(n)-left)); err != nil {
						return stored, err
					}
				}
			}
			m, werr := in.j.disk.write(in.f, (*buf)[:n], "data")
			stored += int64(m)
			fresh += int64(m)
			in.hash.write((*buf)[:m])
			in.j.h.metrics.received.Add(float64(m))
			if werr != nil {
				return stored, errStorage(werr)
			}
			if now := time.Now(); now.Sub(told) >= progressEvery {
				told = now
				space.wrote(fresh)
				fresh = 0
				in.j.received(now, stored)
			}
		}
		if rerr == io.EOF {
			return stored, nil
		}
		if rerr != nil {
			return stored, in.explain(rerr)
		}
	}
}

// explain turns the end of a connection into words.
func (in *intake) explain(err error) error {
	cause := in.c.stopped()
	switch {
	case errors.Is(cause, errCanceled):
		return errUploadCanceled()
	case errors.Is(cause, errTakenOver):
		return errReplaced()
	case errors.Is(cause, errShutdown):
		return errShuttingDown()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow(in.c.idle)
	default:
		var big *http.MaxBytesError
		if errors.As(err, &big) { // a middleware of the host
			return errTooLarge(big.Limit)
		}
		return errCut(err)
	}
}

// received tells watchers how far the upload is.
func (j *job) received(now time.Time, stored int64) {
	j.mu.Lock()
	m := j.meter
	if m == nil {
		j.mu.Unlock()
		return
	}
	m.sample(now, stored+j.base, false)
	p := m.view(now, false)
	j.mu.Unlock()
	p.Stage = stageReceiving
	j.log.setProgress(encode(progressMessage{Type: "progress", Progress: p}))
}

// openData opens the spool file for append and reports its size, which is the
// upload's offset, also after a crash.
func (j *job) openData() (*os.File, int64, error) {
	defer j.disk.turn()()
	f, err := os.OpenFile(j.dataPath(), os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// abortReason is the metric's word for why an upload ended early.
func abortReason(err error) string {
	switch gate.AsProblem(err).Name {
	case "upload-cut":
		return "cut"
	case "upload-idle":
		return "idle"
	case "canceled":
		return "canceled"
	case "upload-replaced":
		return "replaced"
	case "shutdown":
		return "shutdown"
	case "no-space", "quota":
		return "space"
	case "too-large":
		return "too_large"
	case "internal":
		return "fault"
	default:
		return "refused"
	}
}
