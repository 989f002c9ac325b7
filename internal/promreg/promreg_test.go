package promreg_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pruvon/pruvon/internal/promreg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func counter(help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: "x_total", Help: help})
}

func TestTwoInstancesShareTheirSeries(t *testing.T) {
	reg := prometheus.NewRegistry()
	first, err := promreg.Register(reg, counter("x"))
	require.NoError(t, err)
	second, err := promreg.Register(reg, counter("x"))
	require.NoError(t, err)
	first.Inc()
	second.Inc()
	assert.InDelta(t, 2, testutil.ToFloat64(first), 0)
}

func TestClashesAreErrors(t *testing.T) {
	reg := prometheus.NewRegistry()
	_, err := promreg.Register(reg, counter("x"))
	require.NoError(t, err)
	_, err = promreg.Register(reg, counter("another help"))
	assert.Error(t, err)
	_, err = promreg.Register(reg, prometheus.NewGauge(prometheus.GaugeOpts{Name: "x_total", Help: "x"}))
	assert.ErrorContains(t, err, "another kind")
}

func TestWithoutARegistryItStillCounts(t *testing.T) {
	c, err := promreg.Register[prometheus.Counter](nil, counter("x"))
	require.NoError(t, err)
	c.Inc()
	assert.InDelta(t, 1, testutil.ToFloat64(c), 0)
}
