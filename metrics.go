package pruvon

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/promreg"
)

// deniedReasons is the closed set of the reason label: the problems with which
// the root itself refuses.
var deniedReasons = []string{
	"misdirected", "origins-unset", "origin-unknown", "origin-missing", "origin-denied", "cross-site",
	"client-address", "unauthenticated", "denied", "authorization-unavailable", "other",
}

type metrics struct {
	denied *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	denied, err := promreg.Register(reg, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pruvon_gate_denied_total",
		Help: "Requests refused for their Host, Origin, client address or authorization before they reached a part.",
	}, []string{"reason"}))
	if err != nil {
		return nil, err
	}
	for _, r := range deniedReasons {
		denied.WithLabelValues(r)
	}
	return &metrics{denied: denied}, nil
}

// denied counts and logs a refusal. What the client sent is logged quoted and
// cut: it may hold terminal escapes.
func (a *App) denied(r *http.Request, p *gate.Problem) {
	reason := "other"
	for _, known := range deniedReasons {
		if p.Name == known {
			reason = known
		}
	}
	a.metrics.denied.WithLabelValues(reason).Inc()
	addr, _ := clientIP(r)
	a.log.LogAttrs(r.Context(), slog.LevelInfo, "request refused",
		slog.Int("status", p.Status), slog.String("reason", p.Name), slog.String("problem", p.Error()),
		slog.String("client", addr.String()), slog.String("host", clip(r.Host)),
		slog.String("origin", clip(r.Header.Get("Origin"))), slog.String("method", clip(r.Method)))
}
