package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/pruvon/pruvon/e2e/harness"
)

func TestPrometheusHasTheSamples(t *testing.T) {
	s := shared(t)
	// Something to count: one session, one viewer, one import.
	socket := s.client().Dial(t, "/terminals/shell", "pruvon.terminal.v1")
	socket.SendText(hello)
	if _, _, err := socket.Next(); err != nil {
		t.Fatal(err)
	}
	s.client().Dial(t, "/logs/app?tail=0", "pruvon.logs.v1")
	path := upload(t, s.client(), "count", []byte("counted"))
	done(t, s.client(), path, 20*time.Second)

	for _, query := range []string{
		`up{job="pruvon"}`,
		`sum(pruvon_terminal_sessions)`,
		`sum(pruvon_logs_viewers)`,
		`sum(pruvon_imports_jobs_total{outcome="succeeded"})`,
	} {
		harness.Eventually(t, 30*time.Second, func() error {
			value, samples, err := s.prometheus.Query(query)
			if err == nil && (samples == 0 || value < 1) {
				err = fmt.Errorf("%s has %d samples and the value %v", query, samples, value)
			}
			return err
		})
	}
}

func TestMetricsPageIsClean(t *testing.T) {
	if complaints := harness.CheckMetrics(t, harness.Scrape(t, shared(t).service.Addr)); complaints != "" {
		t.Errorf("promtool check metrics: %s", complaints)
	}
}

// Whoever comes through the proxy does not see the metrics.
func TestMetricsAreForThisMachineOnly(t *testing.T) {
	if answer := shared(t).client().Get(t, "/metrics"); answer.Status != http.StatusNotFound {
		t.Errorf("through nginx /metrics says %d", answer.Status)
	}
}
