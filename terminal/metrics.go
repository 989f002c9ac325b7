package terminal

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pruvon/pruvon/internal/promreg"
)

// metrics are the series of a handler. All of them exist from the start.
type metrics struct {
	sessions    prometheus.Gauge
	attachments *prometheus.GaugeVec
	spawn       prometheus.Histogram
	output      prometheus.Counter
	input       prometheus.Counter
	blocked     prometheus.Counter
	ends        *prometheus.CounterVec
	survivors   prometheus.Counter
	resumes     *prometheus.CounterVec
	discarded   prometheus.Counter
	unrecorded  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	var errs []error
	m := &metrics{
		sessions: register(reg, &errs, prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "pruvon_terminal_sessions", Help: "Terminal sessions whose command runs.",
		})),
		attachments: register(reg, &errs, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pruvon_terminal_attachments", Help: "Connections to terminal sessions by role.",
		}, []string{"role"})),
		spawn: register(reg, &errs, prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pruvon_terminal_spawn_seconds", Help: "Time to start a terminal's command.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		})),
		blocked: register(reg, &errs, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pruvon_terminal_window_blocked_seconds_total",
			Help: "Time in which terminals were not read because a client had not drawn what it was sent.",
		})),
		ends: register(reg, &errs, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pruvon_terminal_ends_total", Help: "Ended terminal sessions by reason.",
		}, []string{"reason"})),
		survivors: register(reg, &errs, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pruvon_terminal_survivors_total",
			Help: "Processes that were left when their terminal session had ended.",
		})),
		resumes: register(reg, &errs, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pruvon_terminal_resumes_total", Help: "Attachments to existing sessions by what was replayed.",
		}, []string{"replay"})),
		unrecorded: register(reg, &errs, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pruvon_terminal_unrecorded_bytes_total",
			Help: "Terminal bytes that are missing from recordings.",
		})),
		discarded: register(reg, &errs, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "pruvon_terminal_discarded_input_bytes_total",
			Help: "Input bytes from connections that may only watch.",
		})),
	}
	bytes := register(reg, &errs, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pruvon_terminal_transferred_bytes_total", Help: "Terminal bytes by direction, as seen from the command.",
	}, []string{"direction"}))
	m.output, m.input = bytes.WithLabelValues("output"), bytes.WithLabelValues("input")
	for _, role := range []string{roleWriter, roleViewer} {
		m.attachments.WithLabelValues(role)
	}
	for _, r := range reasons {
		m.ends.WithLabelValues(string(r))
	}
	for _, r := range []string{replayExact, replayReset} {
		m.resumes.WithLabelValues(r)
	}
	return m, errors.Join(errs...)
}

func register[C prometheus.Collector](reg prometheus.Registerer, errs *[]error, c C) C {
	c, err := promreg.Register(reg, c)
	if err != nil {
		*errs = append(*errs, err)
	}
	return c
}
