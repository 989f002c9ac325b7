package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
)

// Causes that end a run's context.
var (
	errCanceled = errors.New("canceled")
	errTimeout  = errors.New("timed out")
	errShutdown = errors.New("the server is shutting down")
)

// run is one attempt of an importer.
type run struct {
	j      *job
	info   Info
	target Target
	ctx    context.Context
	cancel context.CancelCauseFunc

	output  func(Stream, []byte)
	printed atomic.Bool // something was printed since the last sample

	mu      sync.Mutex // guards the following
	src     *source
	meter   *meter
	own     bool  // the importer reports numbers of its own
	current int64 // they
	hosted  bool  // the importer names its own stages
	warned  bool
	exit    *Exit
	over    bool
}

// execute runs one attempt from start to end. It holds a slot.
func (h *Handler) execute(j *job) {
	defer h.running.Done()
	defer h.freeSlot(j)
	rec := j.record()
	r := &run{j: j, info: Info{
		ID: j.id, Target: rec.Target, Owner: rec.Owner, Attempt: rec.Attempt, Name: rec.Source.Name,
		Size: rec.Source.Size, Format: rec.Source.Format, Compression: rec.Source.Compression,
	}}
	r.ctx, r.cancel = context.WithCancelCause(context.Background())
	defer r.cancel(nil)
	j.mu.Lock()
	j.live = r
	j.mu.Unlock()
	err := r.begin()
	if err == nil {
		err = r.perform()
	}
	r.end(err)
}

// begin makes "running" durable before anything is started, so that a crash
// from here on is seen as one.
func (r *run) begin() error {
	j := r.j
	target, err := j.h.target(r.ctx, j.record().Target)
	switch {
	case err != nil && gate.AsProblem(err).Status == http.StatusNotFound:
		return &Failure{Title: "The target does not exist any more", Err: err}
	case err != nil:
		return &Failure{Title: "The target cannot be looked up", Hint: "the service's own log says why", Err: err}
	}
	r.target = target
	if err := j.digestData(r.ctx); err != nil {
		return err
	}
	now := time.Now()
	err = j.move(trigStart, "", func(rec *record) {
		rec.Started = now
		rec.enterStage(stageImporting, now)
	})
	if err != nil {
		if errors.Is(err, errTransition) {
			return errCanceled
		}
		return &Failure{Title: "The journal cannot be written", Err: err}
	}
	j.h.audit(j.record(), "start", "", "")
	if target.Timeout > 0 {
		timer := time.AfterFunc(target.Timeout, func() { r.cancel(errTimeout) })
		context.AfterFunc(r.ctx, func() { timer.Stop() })
	}
	return nil
}

// perform feeds the importer.
func (r *run) perform() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Failure{Title: "The importer broke down", Err: fmt.Errorf("panic: %v", v)}
		}
	}()
	if r.target.Verify {
		if err := r.verify(); err != nil {
			return err
		}
	}
	stored, err := r.j.openStored()
	if err != nil {
		return err
	}
	defer stored.Close()
	src, err := r.open(stored, r.warn)
	if err != nil {
		return err
	}
	defer src.close()

	out := newCollector(r.redact(), func(s Stream, text []byte, partial bool) {
		r.j.log.addOutput(s, text, partial, time.Now())
	})
	defer out.close()
	r.output = func(s Stream, b []byte) {
		r.printed.Store(true)
		out.write(s, b)
	}
	r.begun(src)
	ticker := r.startTicker()
	defer ticker()
	err = r.target.Importer.Import(r.ctx, &reportingReader{r: r, src: src}, &Job{j: r.j, r: r})
	if r.ctx.Err() != nil && !src.complete(err) {
		return context.Cause(r.ctx)
	}
	if err == nil && src.failure != nil && src.failure != io.EOF {
		err = src.failure // an importer that swallows damage has not succeeded
	}
	return err
}

// redact is the host's Redact. It runs in the goroutines that read what a
// command prints. Where it panics the text is withheld: it must not be shown
// as it is, and half an import would help nobody.
func (r *run) redact() func([]byte) []byte {
	f := r.j.h.cfg.Redact
	if f == nil {
		return nil
	}
	var once sync.Once
	return func(text []byte) (out []byte) {
		var err error
		defer func() {
			if err == nil {
				return
			}
			out = nil
			once.Do(func() {
				r.j.h.log.Error("import: output is withheld", "import", r.j.id, "err", err)
				r.warn("output is missing here: it could not be redacted")
			})
		}()
		defer gate.Caught("Redact", &err)
		return f(text)
	}
}

// complete reports whether the importer had succeeded before it was told to
// end.
func (s *source) complete(err error) bool { return err == nil && s.eof.Load() }

func (r *run) open(stored io.Reader, warn func(string)) (*source, error) {
	lim := limits{bytes: r.target.MaxDecompressedBytes, ratio: int64(r.j.h.cfg.MaxRatio)}
	return newSource(r.ctx, stored, r.info.Compression, lim, r.j.h.xz(r.info), warn)
}

// verify decompresses everything once, for nothing but the knowledge that it
// can be done.
func (r *run) verify() error {
	r.j.enterStage(stageVerifying)
	stored, err := r.j.openStored()
	if err != nil {
		return err
	}
	defer stored.Close()
	src, err := r.open(stored, func(string) {}) // the importer's own reading warns
	if err != nil {
		return err
	}
	defer src.close()
	r.begun(src)
	ticker := r.startTicker()
	defer ticker()
	buf := feedPool.Get().(*[]byte)
	defer feedPool.Put(buf)
	for {
		if r.ctx.Err() != nil {
			return context.Cause(r.ctx)
		}
		if _, err := src.Read(*buf); err != nil {
			if err == io.EOF {
				r.j.enterStage(stageImporting)
				return nil
			}
			return err
		}
	}
}

func (r *run) begun(src *source) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.src = src
	r.meter = newMeter(r.info.Size, r.j.h.cfg.StallAfter, time.Now())
}

// startTicker tells the watchers about progress until it is stopped.
func (r *run) startTicker() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		t := time.NewTicker(progressEvery)
		defer t.Stop()
		r.tick(time.Now())
		for {
			select {
			case now := <-t.C:
				r.tick(now)
			case <-done:
				r.tick(time.Now())
				r.j.h.metrics.stall(r.j, false)
				return
			}
		}
	})
	return func() {
		close(done)
		wg.Wait()
	}
}

func (r *run) tick(now time.Time) {
	printed := r.printed.Swap(false)
	r.mu.Lock()
	current := r.current
	if !r.own {
		current = r.src.stored.n.Load()
	}
	r.meter.sample(now, current, printed)
	r.mu.Unlock()
	p := r.view(now)
	r.j.h.metrics.stall(r.j, p.Stalled)
	r.j.log.setProgress(encode(progressMessage{Type: "progress", Progress: p}))
}

// view is the progress at a time.
func (r *run) view(now time.Time) Progress {
	stage := r.j.stage()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.meter == nil {
		return Progress{Stage: stage, Total: sizeOrNull(r.info.Size)}
	}
	p := r.meter.view(now, r.src.eof.Load() && !r.own)
	p.Stage = stage
	p.Decompressed = r.src.out.Load()
	return p
}

func (r *run) stage(name string) {
	r.mu.Lock()
	over := r.over
	r.hosted = true
	r.mu.Unlock()
	if !over {
		r.j.enterStage(name)
	}
}

func (r *run) warn(text string) {
	r.mu.Lock()
	over := r.over
	r.warned = true
	r.mu.Unlock()
	if !over {
		r.j.warn(text)
	}
}

func (r *run) progress(current, total int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.own || r.meter.total != total {
		r.meter.rebase(max(total, -1), time.Now())
		r.own = true
	}
	r.current = max(current, 0)
}

func (r *run) setExit(e *Exit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exit = e
}

// consumed is how many stored bytes have been read.
func (r *run) consumed() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.src == nil {
		return 0
	}
	return r.src.stored.n.Load()
}

// finalizing is entered when the input has ended and the importer has not.
func (r *run) finalizing() {
	r.mu.Lock()
	hosted := r.hosted || r.over
	r.mu.Unlock()
	if !hosted {
		r.j.enterStage(stageFinalizing)
	}
}

// end turns the importer's error into an outcome.
func (r *run) end(err error) {
	r.mu.Lock()
	r.over = true
	warned, exit := r.warned, r.exit
	var in, out int64
	if r.src != nil {
		in, out = r.src.stored.n.Load(), r.src.out.Load()
	}
	r.mu.Unlock()
	outcome, problem := judge(err, warned)
	var f *Failure
	if errors.As(err, &f) && f.Exit != nil {
		exit = f.Exit
	}
	if problem != nil {
		problem.Title, problem.Detail = oneLine(problem.Title, 200), oneLine(problem.Detail, 1000)
	}
	r.j.finish(outcome, func(rec *record) {
		rec.Exit, rec.Problem, rec.BytesIn, rec.BytesOut = exit, problem, in, out
	}, err)
}

// judge is the mapping from an importer's error to an outcome.
func judge(err error, warned bool) (Outcome, *Problem) {
	var in *inputError
	var f *Failure
	switch {
	case err == nil && warned:
		return OutcomeSucceededWithWarnings, nil
	case err == nil:
		return OutcomeSucceeded, nil
	case errors.Is(err, errCanceled):
		return OutcomeCanceled, nil
	case errors.Is(err, errTimeout):
		return OutcomeTimedOut, newProblem("timed-out", "The import took too long", "it was ended")
	case errors.Is(err, errShutdown):
		p := newProblem("interrupted", "The import was interrupted", "the server was shut down while it ran")
		p.Hint = "what it had done until then may be in the target; check, then retry"
		return OutcomeInterrupted, p
	case errors.As(err, &in):
		p := *in.problem
		return in.outcome, &p
	case errors.As(err, &f):
		p := newProblem("import-failed", f.Title, f.Detail)
		p.Hint = f.Hint
		return OutcomeFailed, p
	default:
		return OutcomeFailed, newProblem("import-failed", "The import failed", err.Error())
	}
}

// reportingReader is the importer's view of its input.
type reportingReader struct {
	r   *run
	src *source
}

// Read implements io.Reader.
func (p *reportingReader) Read(b []byte) (int, error) {
	n, err := p.src.Read(b)
	if err == io.EOF && n == 0 {
		p.r.finalizing()
	}
	return n, err
}

// openStored opens the bytes as they were uploaded.
func (j *job) openStored() (io.ReadCloser, error) {
	rec := j.record()
	if rec.File != "" {
		return j.h.openServerFile(rec)
	}
	f, err := os.Open(j.dataPath())
	if err != nil {
		return nil, &Failure{Title: "The stored upload cannot be read", Err: err}
	}
	info, err := f.Stat()
	if err == nil && info.Size() != rec.Source.Size {
		err = fmt.Errorf("it has %d bytes instead of %d", info.Size(), rec.Source.Size)
	}
	if err != nil {
		_ = f.Close()
		return nil, &Failure{Title: "The stored upload is damaged", Err: err}
	}
	return f, nil
}

func (j *job) stage() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rec.stage()
}

func (j *job) setDigest(sum string) {
	if sum == "" {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.rec.Source.SHA256 = sum
}
