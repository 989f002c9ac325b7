package growth_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/bench/growth"
	"github.com/pruvon/pruvon/bench/internal/harness"
)

// rules is a result in which ours costs n to a power, and one repetition was
// disturbed.
func rules(power float64) harness.Result {
	r := harness.Result{Scenario: harness.Scenario{Name: "addresses/rules"}}
	for _, kind := range []string{"bart", "pruvon", "one by one"} {
		for _, n := range []float64{10, 1000, 100_000} {
			cost := 5.0
			if kind == "pruvon" {
				cost = math.Pow(n, power)
			}
			t := harness.TargetResult{Target: harness.Target{Name: kind, Kind: kind, X: n}}
			for _, v := range []float64{cost, 1000 * cost, cost} {
				t.Runs = append(t.Runs, harness.Run{Sample: harness.Sample{"ns": v}})
			}
			r.Targets = append(r.Targets, t)
		}
	}
	return r
}

func TestFindsTheGrowthInResults(t *testing.T) {
	all := growth.Of([]harness.Result{{Scenario: harness.Scenario{Name: "other"}}, rules(0.5)})
	require.Len(t, all, 1)
	g := all[0]
	require.Len(t, g.Series, 3)
	require.Equal(t, "pruvon", g.Series[0].Name)
	require.Len(t, g.Series[0].Points, 3)
	require.InDelta(t, 0.5, g.Series[0].Fit.Exponent, 1e-9)
	require.InDelta(t, 0, g.Series[1].Fit.Exponent, 1e-9)

	dir := filepath.Join(t.TempDir(), "images")
	require.NoError(t, growth.WriteFiles(dir, all))
	svg, err := os.ReadFile(filepath.Join(dir, g.File))
	require.NoError(t, err)
	require.Contains(t, string(svg), "pruvon ∝ n^0.50")

	text := growth.Markdown(all, "images")
	require.Contains(t, text, "| pruvon")
	require.Contains(t, text, "∝ n^0.50; goal at most linear ✓ | bart ∝ n^0.00, one by one ∝ n^0.00 |")
	require.Contains(t, text, "](images/"+g.File+")")
	require.NotContains(t, growth.Markdown(all, ""), "![")
}

func TestSaysWhenItIsWorseThanLinear(t *testing.T) {
	require.Contains(t, growth.Markdown(growth.Of([]harness.Result{rules(1.2)}), ""), "∝ n^1.20; goal at most linear ✗")
}

func TestNothingMeasuredNothingDrawn(t *testing.T) {
	one := rules(1)
	one.Targets = one.Targets[:1]
	require.Empty(t, growth.Of([]harness.Result{one}))
	require.Empty(t, growth.Markdown(nil, "images"))
	dir := filepath.Join(t.TempDir(), "images")
	require.NoError(t, growth.WriteFiles(dir, nil))
	require.NoDirExists(t, dir)
}
