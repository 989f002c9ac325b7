package fit_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/bench/internal/fit"
)

func TestFindsTheCurveThatMadeThePoints(t *testing.T) {
	for _, want := range []fit.Power{{3, 1}, {0.25, 2}, {70, 0}, {5, -0.5}} {
		var points []fit.Point
		for _, x := range []float64{1, 10, 50, 100, 1000} {
			points = append(points, fit.Point{X: x, Y: want.At(x)})
		}
		got, err := fit.Fit(points)
		require.NoError(t, err)
		require.InDelta(t, want.Exponent, got.Exponent, 1e-9)
		require.InEpsilon(t, want.Factor, got.Factor, 1e-9)
	}
}

// Least squares of the logarithms: an error by a factor counts the same at each
// size, and the two that cancel out leave the curve where it was.
func TestErrorsCountByTheirFactor(t *testing.T) {
	points := []fit.Point{{1, 10 * 2}, {1, 10 / 2.0}, {1e6, 1e7 * 2}, {1e6, 1e7 / 2.0}}
	got, err := fit.Fit(points)
	require.NoError(t, err)
	require.InDelta(t, 1, got.Exponent, 1e-9)
	require.InEpsilon(t, 10, got.Factor, 1e-9)
}

func TestLeavesOutWhatHasNoLogarithm(t *testing.T) {
	points := []fit.Point{{1, 2}, {0, 7}, {5, 0}, {-3, 2}, {math.NaN(), 1}, {2, math.Inf(1)}, {100, 200}}
	got, err := fit.Fit(points)
	require.NoError(t, err)
	require.InDelta(t, 1, got.Exponent, 1e-9)
}

func TestNeedsTwoSizes(t *testing.T) {
	for _, points := range [][]fit.Point{nil, {{1, 1}}, {{7, 1}, {7, 2}, {7, 3}}, {{1, 1}, {2, 0}}} {
		_, err := fit.Fit(points)
		require.Error(t, err, "%v", points)
	}
}

func TestString(t *testing.T) {
	require.Equal(t, "∝ n^0.98", fit.Power{Factor: 4, Exponent: 0.98}.String())
}
