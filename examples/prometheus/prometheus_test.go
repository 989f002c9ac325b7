// Package prometheus_test holds the dashboard and the alert rules to the
// metrics that there are.
package prometheus_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// documented are the metrics of docs/metrics.md, which another test holds to
// the registry; a histogram has its derived series.
func documented(t *testing.T) map[string]bool {
	data, err := os.ReadFile("../../docs/metrics.md")
	require.NoError(t, err)
	names := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(pruvon_[a-z_]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(data), -1) {
		names[m[1]] = true
		if m[2] == "histogram" {
			names[m[1]+"_bucket"], names[m[1]+"_sum"], names[m[1]+"_count"] = true, true, true
		}
	}
	require.NotEmpty(t, names)
	return names
}

func TestDashboardAndAlertsUseMetricsThatExist(t *testing.T) {
	names := documented(t)
	for _, file := range []string{"dashboard.json", "alerts.yml"} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		used := regexp.MustCompile(`pruvon_[a-z_]+`).FindAllString(string(data), -1)
		require.NotEmpty(t, used, file)
		for _, name := range used {
			assert.True(t, names[name], "%s uses %s, which docs/metrics.md does not know", file, name)
		}
	}
}

// promtool runs it and returns what it says.
func promtool(t *testing.T, args ...string) string {
	t.Helper()
	binary, err := exec.LookPath("promtool")
	require.NoError(t, err, "the rules are tested with promtool: install it (Debian: apt-get install prometheus)")
	out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	require.NoError(t, err, "promtool %s:\n%s", strings.Join(args, " "), out)
	return string(out)
}

func TestPromtoolAcceptsTheRulesAndTheConfiguration(t *testing.T) {
	promtool(t, "check", "rules", "alerts.yml")
	promtool(t, "check", "config", "prometheus.yml")
}

// Every alert is tested to fire, and to keep quiet.
func TestAlertsFireWhenTheyShould(t *testing.T) {
	promtool(t, "test", "rules", "alerts_test.yml")
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert string }
		}
	}
	var tests struct {
		Tests []struct {
			Cases []struct {
				Alert    string     `yaml:"alertname"`
				Expected []struct{} `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	for file, into := range map[string]any{"alerts.yml": &rules, "alerts_test.yml": &tests} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, yaml.Unmarshal(data, into))
	}
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, c := range test.Cases {
			if len(c.Expected) > 0 {
				fires[c.Alert] = true
			} else {
				quiet[c.Alert] = true
			}
		}
	}
	require.NotEmpty(t, rules.Groups)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			assert.True(t, fires[r.Alert], "no test lets %s fire", r.Alert)
			assert.True(t, quiet[r.Alert], "no test has %s keep quiet", r.Alert)
		}
	}
}

// The dashboard's queries, with Grafana's variables filled in, are PromQL.
func TestDashboardQueriesAreValid(t *testing.T) {
	data, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	queries := regexp.MustCompile(`"expr": ("(?:[^"\\]|\\.)*")`).FindAllSubmatch(data, -1)
	require.NotEmpty(t, queries)
	var file strings.Builder
	file.WriteString("groups:\n  - name: dashboard\n    rules:\n")
	for i, q := range queries {
		var text string
		require.NoError(t, json.Unmarshal(q[1], &text))
		text = strings.NewReplacer("$job", "pruvon", "$__rate_interval", "1m").Replace(text)
		require.NotContains(t, text, "$", "an unknown variable of Grafana")
		fmt.Fprintf(&file, "      - {record: 'q:%d', expr: %q}\n", i, text)
	}
	path := filepath.Join(t.TempDir(), "dashboard.yml")
	require.NoError(t, os.WriteFile(path, []byte(file.String()), 0o600))
	out := promtool(t, "check", "rules", path)
	assert.Contains(t, out, fmt.Sprintf("%d rules found", len(queries)))
}

func TestDashboardShowsEveryPart(t *testing.T) {
	data, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	assert.True(t, json.Valid(data))
	for _, part := range []string{"pruvon_gate_", "pruvon_ipfilter_", "pruvon_terminal_", "pruvon_logs_", "pruvon_imports_"} {
		assert.True(t, strings.Contains(string(data), part), part)
	}
}
