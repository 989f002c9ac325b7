package logs

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/internal/promreg"
)

// otherLog is the label of logs that Lookup found: their names are no closed
// set.
const otherLog = "(lookup)"

// transports is the closed set of that label.
func transports() []string { return []string{"websocket", "sse", "ndjson", "text"} }

// dropReasons is why a viewer was disconnected against its will.
func dropReasons() []string { return []string{endSlow, endDenied, endFault, endShutdown} }

// metrics are the collectors of a Handler.
type metrics struct {
	viewers   *prometheus.GaugeVec
	following *prometheus.GaugeVec
	children  prometheus.Gauge
	lines     *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	events    *prometheus.CounterVec
	altered   *prometheus.CounterVec
	sentLines *prometheus.CounterVec
	sentBytes *prometheus.CounterVec
	lag       prometheus.Histogram
	gaps      *prometheus.CounterVec
	gapLines  *prometheus.CounterVec
	resumes   *prometheus.CounterVec
	dropped   *prometheus.CounterVec
	searched  prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{}
	var err error
	counter := func(to **prometheus.CounterVec, name, help string, labels ...string) {
		if err == nil {
			*to, err = promreg.Register(reg, prometheus.NewCounterVec(
				prometheus.CounterOpts{Namespace: "pruvon", Subsystem: "logs", Name: name, Help: help}, labels))
		}
	}
	gauge := func(to **prometheus.GaugeVec, name, help string, labels ...string) {
		if err == nil {
			*to, err = promreg.Register(reg, prometheus.NewGaugeVec(
				prometheus.GaugeOpts{Namespace: "pruvon", Subsystem: "logs", Name: name, Help: help}, labels))
		}
	}
	gauge(&m.viewers, "viewers", "Streams that are open.", "log")
	gauge(&m.following, "sources_following", "Sources that are being read: 0 or 1 for each log.", "log")
	counter(&m.lines, "read_lines_total", "Lines read from sources.", "log")
	counter(&m.bytes, "read_bytes_total", "Bytes of line text read from sources.", "log")
	counter(&m.events, "source_events_total", "What happened to sources: rotations, truncations and the like.", "log", "state")
	counter(&m.altered, "altered_lines_total",
		"Lines that were changed before they were sent, once as they are read live and each time they are read from history.", "log", "how")
	counter(&m.sentLines, "sent_lines_total", "Lines sent to viewers.", "transport")
	counter(&m.sentBytes, "sent_bytes_total", "Bytes of messages with lines sent to viewers.", "transport")
	counter(&m.gaps, "gaps_total", "Gaps that viewers were told of.", "why")
	counter(&m.gapLines, "gap_lines_total", "Lines in gaps whose size is known.", "why")
	counter(&m.resumes, "resumes_total", "How streams that gave a cursor could go on.", "result")
	counter(&m.dropped, "viewers_dropped_total", "Streams that were ended from this side.", "reason")
	if err == nil {
		m.children, err = promreg.Register(reg, prometheus.NewGauge(
			prometheus.GaugeOpts{Namespace: "pruvon", Subsystem: "logs", Name: "children", Help: "Commands that are running as sources."}))
	}
	if err == nil {
		m.searched, err = promreg.Register(reg, prometheus.NewCounter(
			prometheus.CounterOpts{Namespace: "pruvon", Subsystem: "logs", Name: "searched_bytes_total", Help: "Bytes read back by searches."}))
	}
	if err == nil {
		m.lag, err = promreg.Register(reg, prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "pruvon", Subsystem: "logs", Name: "lag_seconds",
			Help:    "Age of the oldest line not yet sent to a viewer, at each heartbeat.",
			Buckets: []float64{0.001, 0.01, 0.1, 1, 5, 15, 60},
		}))
	}
	return m, err
}

// start makes every series exist.
func (m *metrics) start(names []string) {
	for _, n := range names {
		m.viewers.WithLabelValues(n)
		m.following.WithLabelValues(n)
		m.lines.WithLabelValues(n)
		m.bytes.WithLabelValues(n)
		for _, s := range []State{Rotated, Truncated, Missing, Exited, Replaced} {
			m.events.WithLabelValues(n, string(s))
		}
		for _, how := range alterations() {
			m.altered.WithLabelValues(n, how)
		}
	}
	for _, t := range transports() {
		m.sentLines.WithLabelValues(t)
		m.sentBytes.WithLabelValues(t)
	}
	for _, r := range gapReasons() {
		m.gaps.WithLabelValues(string(r))
		m.gapLines.WithLabelValues(string(r))
	}
	for _, r := range resumes() {
		m.resumes.WithLabelValues(string(r))
	}
	for _, r := range dropReasons() {
		m.dropped.WithLabelValues(r)
	}
}

// logMeter counts what one log's source gives.
type logMeter struct {
	m            *metrics
	log          string
	lines, bytes prometheus.Counter
	hows         [alterationKinds]prometheus.Counter
}

func (m *metrics) forLog(label string) *logMeter {
	l := &logMeter{m: m, log: label, lines: m.lines.WithLabelValues(label), bytes: m.bytes.WithLabelValues(label)}
	for i, how := range alterations() {
		l.hows[i] = m.altered.WithLabelValues(label, how)
	}
	return l
}

func (l *logMeter) altered(a *altered) {
	for i, n := range a {
		if n > 0 {
			l.hows[i].Add(float64(n))
		}
	}
}

func (l *logMeter) read(lines int, bytes int64) {
	l.lines.Add(float64(lines))
	l.bytes.Add(float64(bytes))
}

func (l *logMeter) following(n float64) { l.m.following.WithLabelValues(l.log).Add(n) }

func (l *logMeter) note(n Note) {
	if n.Lost != nil {
		l.m.gap(n.Lost.Why, n.Lost.Lines)
		return
	}
	l.m.events.WithLabelValues(l.log, string(n.State)).Inc()
}

func (m *metrics) gap(why GapReason, lines int64) {
	m.gaps.WithLabelValues(string(why)).Inc()
	if lines > 0 {
		m.gapLines.WithLabelValues(string(why)).Add(float64(lines))
	}
}

// viewMeter counts what one viewer gets.
type viewMeter struct {
	m            *metrics
	lines, bytes prometheus.Counter
}

func (m *metrics) forView(transport string) *viewMeter {
	return &viewMeter{m, m.sentLines.WithLabelValues(transport), m.sentBytes.WithLabelValues(transport)}
}

func (v *viewMeter) sent(lines, bytes int) {
	v.lines.Add(float64(lines))
	v.bytes.Add(float64(bytes))
}

func (v *viewMeter) gap(why GapReason, lines int64) { v.m.gap(why, lines) }

func (v *viewMeter) lag(d time.Duration) { v.m.lag.Observe(d.Seconds()) }

func (v *viewMeter) resume(r Resume) { v.m.resumes.WithLabelValues(string(r)).Inc() }

func (v *viewMeter) searched(bytes int64) { v.m.searched.Add(float64(bytes)) }
