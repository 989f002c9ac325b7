package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Prometheus is a running Prometheus that scrapes one service each second.
type Prometheus struct {
	*Child
	Addr string
}

// StartPrometheus starts Prometheus with the /metrics page of target (address:port) as its only job.
// Its first sample comes some 5 s after the start, whatever the scrape interval (measured with 2.42), so
// start it before the rest.
func (r *Run) StartPrometheus(tb testing.TB, target string) *Prometheus {
	tb.Helper()
	dir := r.Sub(tb)
	p := &Prometheus{Addr: fmt.Sprintf("127.0.0.1:%d", FreePort(tb))}
	config := filepath.Join(dir, "prometheus.yml")
	write(tb, config, fmt.Sprintf(`global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: pruvon
    static_configs: [{targets: ["%s"]}]
`, target))
	cmd := exec.Command(Binary(tb, "prometheus"), "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"),
		"--web.listen-address="+p.Addr, "--log.level=warn")
	cmd.Dir = dir
	p.Child = r.Start(tb, "prometheus", cmd, 0)
	return p
}

// Query evaluates an instant query and returns the sum of the samples and their number.
func (p *Prometheus) Query(query string) (sum float64, samples int, err error) {
	client := &http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get("http://" + p.Addr + "/api/v1/query?query=" + url.QueryEscape(query))
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	var answer struct {
		Error string
		Data  struct {
			Result []struct{ Value [2]any }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, 0, err
	}
	if answer.Error != "" {
		return 0, 0, fmt.Errorf("prometheus: %s", answer.Error)
	}
	for _, r := range answer.Data.Result {
		text, _ := r.Value[1].(string)
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, 0, err
		}
		sum += value
	}
	return sum, len(answer.Data.Result), nil
}

// Scrape returns the /metrics page at addr.
func Scrape(tb testing.TB, addr string) string {
	tb.Helper()
	client := &http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get("http://" + addr + "/metrics")
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		tb.Fatalf("/metrics says %s: %s", resp.Status, body)
	}
	return string(body)
}

// Metric returns the sum of the samples of a metric on a /metrics page whose labels contain all the
// given texts, such as `name="shell"`. ok says whether there was a sample.
func Metric(page, name string, labels ...string) (sum float64, ok bool) {
	for line := range strings.Lines(page) {
		series, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if open := strings.IndexByte(line, '}'); open >= 0 {
			series, value, found = line[:open+1], strings.TrimSpace(line[open+1:]), true
		}
		if base, _, _ := strings.Cut(series, "{"); !found || base != name {
			continue
		}
		matches := true
		for _, label := range labels {
			matches = matches && strings.Contains(series, label)
		}
		if number, err := strconv.ParseFloat(value, 64); matches && err == nil {
			sum, ok = sum+number, true
		}
	}
	return sum, ok
}

// CheckMetrics runs a /metrics page through promtool check metrics and returns its complaints.
func CheckMetrics(tb testing.TB, page string) string {
	tb.Helper()
	cmd := exec.Command(Binary(tb, "promtool"), "check", "metrics")
	cmd.Stdin = strings.NewReader(page)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Sprintf("%v: %s", err, out.String())
	}
	return out.String()
}
