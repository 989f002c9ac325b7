// Package prometheus_test holds the dashboard and the alert rules to the
// metrics that there are.
package prometheus_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

func TestDashboardShowsEveryPart(t *testing.T) {
	data, err := os.ReadFile("dashboard.json")
	require.NoError(t, err)
	assert.True(t, json.Valid(data))
	for _, part := range []string{"pruvon_gate_", "pruvon_ipfilter_", "pruvon_terminal_", "pruvon_logs_", "pruvon_imports_"} {
		assert.True(t, strings.Contains(string(data), part), part)
	}
}
