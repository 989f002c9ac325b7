package pruvon_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/ipfilter"
)

// docs/metrics.md lists every metric with its type and labels, and none that
// there is not. Every series exists from the start, so a fresh App shows all.
func TestEveryMetricIsDocumented(t *testing.T) {
	cfg := full(t)
	reg := prometheus.NewRegistry()
	cfg.Registerer = reg
	rules, err := ipfilter.Parse(strings.NewReader("allow all;"))
	require.NoError(t, err)
	cfg.Filter = &ipfilter.Config{Rules: rules}
	start(t, cfg)
	data, err := os.ReadFile("docs/metrics.md")
	require.NoError(t, err)
	documented := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(pruvon_[a-z_]+)` \\| (\\w+) \\|").FindAllStringSubmatch(string(data), -1) {
		documented[m[1]] = m[2]
	}
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		kind, ok := documented[f.GetName()]
		if !assert.True(t, ok, "%s (%s: %s) has no row in docs/metrics.md", f.GetName(), f.GetType(), f.GetHelp()) {
			continue
		}
		assert.EqualValues(t, kind, strings.ToLower(f.GetType().String()), f.GetName())
		delete(documented, f.GetName())
	}
	for name := range documented {
		t.Errorf("docs/metrics.md describes %s, which does not exist from the start", name)
	}
}
