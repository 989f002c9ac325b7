package ipfilter

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/internal/promreg"
)

// The verdicts of pruvon_ipfilter_decisions_total, a closed set.
const (
	verdictAllowed   = "allowed"
	verdictDenied    = "denied"
	verdictNoAddress = "no_address" // denied, because the client's address is not known
	verdictWouldDeny = "would_deny" // admitted by ReportOnly
)

type metrics struct {
	allowed, denied, noAddress, wouldDeny prometheus.Counter
	reloads, reloadErrors                 prometheus.Counter
	rules, age                            prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	decisions, err := promreg.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pruvon_ipfilter_decisions_total",
		Help: "Requests checked against the allowlist, by verdict.",
	}, []string{"verdict"}))
	if err != nil {
		return nil, err
	}
	m := &metrics{
		allowed:   decisions.WithLabelValues(verdictAllowed),
		denied:    decisions.WithLabelValues(verdictDenied),
		noAddress: decisions.WithLabelValues(verdictNoAddress),
		wouldDeny: decisions.WithLabelValues(verdictWouldDeny),
	}
	m.reloads, err = promreg.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pruvon_ipfilter_reloads_total",
		Help: "Times that a changed allowlist file took effect.",
	}))
	if err != nil {
		return nil, err
	}
	m.reloadErrors, err = promreg.Register(reg, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "pruvon_ipfilter_reload_errors_total",
		Help: "Times that a changed allowlist file could not be read or parsed; the old rules stayed.",
	}))
	if err != nil {
		return nil, err
	}
	m.rules, err = promreg.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pruvon_ipfilter_rules",
		Help: "Rules in force, without temporary entries.",
	}))
	if err != nil {
		return nil, err
	}
	m.age, err = promreg.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "pruvon_ipfilter_rules_age_seconds",
		Help: "Seconds since the rules in force last agreed with the allowlist file; 0 while they do.",
	}))
	if err != nil {
		return nil, err
	}
	return m, nil
}
