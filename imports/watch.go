package imports

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/wsconn"
)

const (
	// heartbeatEvery is below the silence that proxies allow (nginx: 60 s).
	heartbeatEvery = 15 * time.Second
	// lastWord is how long a watcher that must go is given to take the end.
	lastWord = time.Second
	// writeFor is how long a watcher may take to take what it is sent.
	writeFor = 15 * time.Second
)

// transport is a watcher's connection.
type transport interface {
	// send delivers messages. They are in order and belong to the log.
	send(lines [][]byte) error
	// end says goodbye.
	end(code int, reason string)
	// cut ends what is stuck in send or end.
	cut()
	// gone is closed when the client is.
	gone() <-chan struct{}
}

// watchers are the event streams of a handler.
type watchers struct {
	mu     sync.Mutex
	open   map[*watcher]struct{}
	closed bool
	wg     sync.WaitGroup
}

type watcher struct {
	user string
	end  context.CancelCauseFunc
}

// add counts a stream. It returns false when none may be opened any more.
func (ws *watchers) add(w *watcher) bool {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return false
	}
	if ws.open == nil {
		ws.open = map[*watcher]struct{}{}
	}
	ws.open[w] = struct{}{}
	ws.wg.Add(1)
	return true
}

func (ws *watchers) remove(w *watcher) {
	ws.mu.Lock()
	delete(ws.open, w)
	ws.mu.Unlock()
	ws.wg.Done()
}

func (ws *watchers) revoke(user string) (n int) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for w := range ws.open {
		if w.user == user {
			w.end(errRevoked())
			n++
		}
	}
	return n
}

// shutdown ends all streams and waits for them.
func (ws *watchers) shutdown() {
	ws.mu.Lock()
	ws.closed = true
	for w := range ws.open {
		w.end(errShutdown)
	}
	ws.mu.Unlock()
	ws.wg.Wait()
}

func errRevoked() error { return gate.Forbidden("revoked", "access has been revoked", "") }

// events is the stream of an import's events.
func (q *request) events() error {
	if err := q.allow(http.MethodGet); err != nil {
		return err
	}
	opts := wsconn.Options{Subprotocols: []string{Subprotocol}}
	if wsconn.Wants(q.r) {
		if p := wsconn.CheckRequest(q.w, q.r, opts); p != nil {
			return p
		}
	}
	if err := q.admit(gate.ActionView); err != nil {
		return err
	}
	j, err := q.find()
	if err != nil {
		return err
	}
	after, err := q.after(j)
	if err != nil {
		return err
	}
	release, err := q.h.guard.Reserve(q.who.User, q.who.Addr)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(q.r.Context()))
	defer cancel(nil)
	w := &watcher{user: q.who.User, end: cancel}
	if !q.h.watchers.add(w) {
		return errShuttingDown()
	}
	defer q.h.watchers.remove(w)
	q.h.metrics.watchers.Inc()
	defer q.h.metrics.watchers.Dec()
	defer j.log.watch()()

	t, done, err := q.transport(j, after, opts)
	if err != nil || t == nil {
		return err
	}
	defer hurry(ctx, t.cut)()
	defer done()
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel(nil)
	wg.Go(func() {
		res := Resource{Part: "imports", Name: q.target, ID: q.id, Action: gate.ActionView}
		if err := q.h.guard.Revalidate(ctx, q.r, res, q.who); err != nil {
			cancel(err)
		}
	})
	code, reason := j.follow(ctx, t, after)
	t.end(code, reason)
	return nil
}

// after is where the client wants to go on. A number from another epoch means
// nothing here, so everything is sent.
func (q *request) after(j *job) (uint64, error) {
	v := q.r.URL.Query().Get("after")
	if v == "" {
		v = q.r.Header.Get("Last-Event-ID") // sent by EventSource when it reconnects
	}
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(v, 10, 63)
	if err != nil {
		return 0, gate.BadRequest("after must be the number of an event")
	}
	if e := q.r.URL.Query().Get("epoch"); e != "" && e != j.record().Epoch {
		return 0, nil
	}
	return n, nil
}

func (q *request) transport(j *job, after uint64, opts wsconn.Options) (t transport, done func(), err error) {
	if wsconn.Wants(q.r) {
		conn, err := wsconn.Accept(q.w, q.r, opts)
		if err != nil {
			return nil, nil, nil // it has answered
		}
		s := newSocket(conn)
		return s, s.wait, nil
	}
	if accepts(q.r, "text/event-stream") {
		if rec := j.record(); rec.State == StateDone && after > 0 && after >= j.log.number() {
			q.w.WriteHeader(http.StatusNoContent) // tells EventSource not to come back
			return nil, nil, nil
		}
		s, err := newStream(q.w, q.r, "text/event-stream", sseFrame)
		return s, func() {}, err
	}
	s, err := newStream(q.w, q.r, "application/x-ndjson", lineFrame)
	return s, func() {}, err
}

func accepts(r *http.Request, typ string) bool {
	return slices.ContainsFunc(r.Header.Values("Accept"), func(v string) bool { return strings.Contains(v, typ) })
}

// follow sends an import's events until its end, and returns the close code.
func (j *job) follow(ctx context.Context, t transport, after uint64) (code int, reason string) {
	seq, version := after, uint64(0)
	first := encode(snapshotMessage{Type: "snapshot", Seq: j.log.number(), Epoch: j.record().Epoch, Import: j.snapshot()})
	if err := t.send([][]byte{first}); err != nil {
		return wsconn.CodeGoingAway, ""
	}
	heartbeat := time.NewTimer(heartbeatEvery)
	defer heartbeat.Stop()
	for {
		b := j.log.since(seq, version)
		seq, version = b.seq, b.version
		lines := b.lines
		if b.progress != nil && !b.more {
			lines = append(lines, b.progress)
		}
		if len(lines) > 0 {
			if err := t.send(lines); err != nil {
				return wsconn.CodeGoingAway, ""
			}
			heartbeat.Reset(heartbeatEvery)
		}
		if b.end {
			return wsconn.CodeNormal, "the import has ended"
		}
		if b.more {
			continue
		}
		select {
		case <-b.changed:
			pause(ctx, t, j.log.pace())
		case <-heartbeat.C:
			if err := t.send([][]byte{encode(heartbeatMessage{Type: "heartbeat", Seq: seq})}); err != nil {
				return wsconn.CodeGoingAway, ""
			}
			heartbeat.Reset(heartbeatEvery)
		case <-t.gone():
			return wsconn.CodeGoingAway, ""
		case <-ctx.Done():
			return closing(context.Cause(ctx))
		}
	}
}

// pause lets events of a busy import gather before they are sent to a crowd.
func pause(ctx context.Context, t transport, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.gone():
	case <-ctx.Done():
	}
}

// pace is how long a watcher waits between two batches: longer the more
// watchers there are, so that all of them together cost the import little.
func (l *eventLog) pace() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return min(time.Duration(l.watchers/10)*5*time.Millisecond, 500*time.Millisecond)
}

func closing(cause error) (code int, reason string) {
	if cause == errShutdown {
		return wsconn.CodeGoingAway, "the server is shutting down"
	}
	return wsconn.CodePolicy, gate.AsProblem(cause).Title
}
