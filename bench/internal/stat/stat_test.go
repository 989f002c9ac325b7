package stat_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/bench/internal/stat"
)

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		values []float64
		median float64
		text   string
	}{
		{nil, math.NaN(), ""},
		{[]float64{7}, 7, "7"},
		{[]float64{3, 1, 2}, 2, "2 (1–3)"},
		{[]float64{4, 1, 3, 2}, 2.5, "2.5 (1–4)"},
		{[]float64{0, 0, 0}, 0, "0"},
		{[]float64{1.0001, 1.0002, 1.0003}, 1.0002, "1"},
		{[]float64{63.84, 49.51, 71.9}, 63.84, "63.8 (49.5–71.9)"},
		{[]float64{-1, 0, 1}, 0, "0 (-1–1)"},
	} {
		s := stat.Summarize(c.values)
		require.Equal(t, len(c.values), s.N)
		if len(c.values) > 0 {
			require.Equal(t, c.median, s.Median)
		}
		require.Equal(t, c.text, s.String())
	}
}

func TestSummarizeLeavesItsArgumentAlone(t *testing.T) {
	v := []float64{3, 1, 2}
	stat.Summarize(v)
	require.Equal(t, []float64{3, 1, 2}, v)
}

func TestFormat(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 1: "1", 10: "10", 12345678: "12345678", 0.0123456: "0.0123", 0.00000001: "0", 99.96: "100",
		1.5: "1.5", 100: "100", 1000: "1000", -2.345: "-2.35", math.Inf(1): "–", 2784.6: "2785", 0.1: "0.1",
	} {
		require.Equal(t, want, stat.Format(v), "%v", v)
	}
}

func TestPercentiles(t *testing.T) {
	var d []time.Duration
	for i := 200; i > 0; i-- {
		d = append(d, time.Duration(i))
	}
	require.EqualValues(t, 100, stat.Percentile(d, 50))
	require.EqualValues(t, 198, stat.Percentile(d, 99))
	require.EqualValues(t, 200, stat.Percentile(d, 100))
	require.EqualValues(t, 1, stat.Percentile(d, 0))
	require.Zero(t, stat.Percentile(nil, 50))
}
