package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
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

// Every query of the dashboard has an answer from the real service that has done nothing yet, and every
// metric and label value that the dashboard and the alerts name is on its page.
func TestDashboardAndAlertsKnowTheRealMetrics(t *testing.T) {
	list := filepath.Join(run.Sub(t), "allowlist.conf")
	if err := os.WriteFile(list, []byte(harness.Operators), 0o644); err != nil {
		t.Fatal(err)
	}
	service := run.StartService(t, origins+"allowlist: "+list+"\n", targets)
	prometheus := run.StartPrometheus(t, service.Addr)
	page := harness.Scrape(t, service.Addr)
	selector := regexp.MustCompile(`(pruvon_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher := regexp.MustCompile(`(\w+)=~?\\*"([^"\\$]*)\\*"`)
	for _, file := range []string{"dashboard.json", "alerts.yml"} {
		text, err := os.ReadFile("../examples/prometheus/" + file)
		if err != nil {
			t.Fatal(err)
		}
		used := selector.FindAllStringSubmatch(string(text), -1)
		if len(used) == 0 {
			t.Fatalf("%s names no metric", file)
		}
		for _, m := range used {
			if _, ok := harness.Metric(page, m[1]); !ok {
				t.Errorf("%s names %s, which /metrics has not", file, m[1])
			}
			for _, label := range matcher.FindAllStringSubmatch(m[2], -1) {
				for _, value := range strings.Split(label[2], "|") {
					if _, ok := harness.Metric(page, m[1], fmt.Sprintf("%s=%q", label[1], value)); !ok {
						t.Errorf("%s asks %s for %s=%q, which /metrics has not", file, m[1], label[1], value)
					}
				}
			}
		}
	}

	text, err := os.ReadFile("../examples/prometheus/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`"expr": ("(?:[^"\\]|\\.)*")`).FindAllSubmatch(text, -1) {
		var query string
		if err := json.Unmarshal(m[1], &query); err != nil {
			t.Fatal(err)
		}
		query = strings.NewReplacer("$job", "pruvon", "$__rate_interval", "1m").Replace(query)
		harness.Eventually(t, 30*time.Second, func() error {
			_, samples, err := prometheus.Query(query)
			if err == nil && samples == 0 {
				err = fmt.Errorf("%s has no sample", query)
			}
			return err
		})
	}
}
