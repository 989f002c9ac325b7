package imports

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pruvon/pruvon/internal/promreg"
)

// lookupTarget is the label of targets that Lookup found: their names are not
// a closed set.
const lookupTarget = "(lookup)"

// metrics are the part's series. All of them exist from the start.
type metrics struct {
	jobs      *prometheus.CounterVec
	stages    *prometheus.HistogramVec
	abortions *prometheus.CounterVec
	received  prometheus.Counter
	running   prometheus.Gauge
	queued    prometheus.Gauge
	stalled   prometheus.Gauge
	watchers  prometheus.Gauge
	spool     prometheus.Gauge
	free      prometheus.Gauge

	targets map[string]bool

	mu    sync.Mutex
	stuck map[*job]bool
}

func newMetrics(reg prometheus.Registerer, targets []string) (*metrics, error) {
	m := &metrics{targets: map[string]bool{}, stuck: map[*job]bool{}}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "pruvon", Subsystem: "imports", Name: name, Help: help})
	}
	var errs []error
	m.jobs = register(reg, &errs, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "pruvon", Subsystem: "imports", Name: "jobs_total", Help: "Imports that have ended, by target and outcome.",
	}, []string{"target", "outcome"}))
	m.stages = register(reg, &errs, prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: "pruvon", Subsystem: "imports", Name: "stage_seconds", Help: "Time that imports spent in a stage.",
		Buckets: []float64{.1, .5, 1, 5, 15, 60, 300, 900, 3600, 14400, 43200},
	}, []string{"stage"}))
	m.abortions = register(reg, &errs, prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "pruvon", Subsystem: "imports", Name: "uploads_aborted_total", Help: "Upload requests that ended before their last byte, or were refused after it, by reason.",
	}, []string{"reason"}))
	m.received = register(reg, &errs, prometheus.Counter(prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "pruvon", Subsystem: "imports", Name: "received_bytes_total", Help: "Uploaded bytes that were stored.",
	})))
	m.running = register(reg, &errs, gauge("running", "Imports whose importer is at work."))
	m.queued = register(reg, &errs, gauge("queued", "Imports that wait for a slot or a lock."))
	m.stalled = register(reg, &errs, gauge("stalled", "Running imports in which nothing has moved for a while."))
	m.watchers = register(reg, &errs, gauge("watchers", "Open event streams."))
	m.spool = register(reg, &errs, gauge("spool_bytes", "Bytes of uploads on disk."))
	m.free = register(reg, &errs, gauge("spool_free_bytes", "Bytes that the spool's file system has left."))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, t := range append(targets, lookupTarget) {
		m.targets[t] = true
		for _, o := range outcomes() {
			m.jobs.WithLabelValues(t, string(o))
		}
	}
	for _, s := range stageLabels() {
		m.stages.WithLabelValues(s)
	}
	for _, r := range []string{"cut", "idle", "canceled", "replaced", "shutdown", "space", "too_large", "fault", "refused"} {
		m.abortions.WithLabelValues(r)
	}
	return m, nil
}

func register[C prometheus.Collector](reg prometheus.Registerer, errs *[]error, c C) C {
	c, err := promreg.Register(reg, c)
	if err != nil {
		*errs = append(*errs, err)
	}
	return c
}

// stageLabels are the library's own stages; those of importers count as
// importing.
func stageLabels() []string {
	return []string{stageReceiving, stageChecking, stageQueued, stageVerifying, stageImporting, stageFinalizing}
}

func (m *metrics) ended(rec record) {
	target := rec.Target
	if !m.targets[target] {
		target = lookupTarget
	}
	m.jobs.WithLabelValues(target, string(rec.Outcome)).Inc()
	own := map[string]bool{}
	for _, s := range stageLabels() {
		own[s] = true
	}
	for _, s := range rec.Stages {
		name := s.Name
		if !own[name] {
			name = stageImporting
		}
		if s.Ended != nil {
			m.stages.WithLabelValues(name).Observe(s.Ended.Sub(s.Started).Seconds())
		}
	}
}

func (m *metrics) aborted(err error) { m.abortions.WithLabelValues(abortReason(err)).Inc() }

func (m *metrics) queue(running, queued int) {
	m.running.Set(float64(running))
	m.queued.Set(float64(queued))
}

func (m *metrics) stall(j *job, stalled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stuck[j] == stalled {
		return
	}
	if stalled {
		m.stuck[j] = true
		m.stalled.Inc()
	} else {
		delete(m.stuck, j)
		m.stalled.Dec()
	}
}

func (m *metrics) disk(used, free int64) {
	m.spool.Set(float64(used))
	m.free.Set(float64(free))
}
