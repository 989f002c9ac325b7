// Package fit tells how a cost grows with what causes it.
package fit

import (
	"fmt"
	"math"
)

// Point is one measurement: the cost Y at the size X. Both are positive.
type Point struct{ X, Y float64 }

// Power is the curve Factor · x^Exponent. An exponent of 1 is linear growth,
// of 0 none at all.
type Power struct{ Factor, Exponent float64 }

// Fit returns the power law that comes nearest to the points: the straight line
// of least squares through their logarithms, so that each point counts by its
// relative error and large ones do not drown small ones. Points that are not
// positive have no logarithm and are left out; fewer than two different sizes
// are an error.
func Fit(points []Point) (Power, error) {
	var n, sx, sy, sxx, sxy float64
	for _, p := range points {
		if !(p.X > 0 && p.Y > 0) || math.IsInf(p.X, 0) || math.IsInf(p.Y, 0) {
			continue
		}
		x, y := math.Log(p.X), math.Log(p.Y)
		n++
		sx += x
		sy += y
		sxx += x * x
		sxy += x * y
	}
	spread := n*sxx - sx*sx
	if n < 2 || spread < 1e-9*sxx {
		return Power{}, fmt.Errorf("a fit needs two sizes, of %d points there are not", len(points))
	}
	exponent := (n*sxy - sx*sy) / spread
	return Power{Exponent: exponent, Factor: math.Exp((sy - exponent*sx) / n)}, nil
}

// At is the curve's value at x.
func (p Power) At(x float64) float64 { return p.Factor * math.Pow(x, p.Exponent) }

// String says how the cost grows, for people.
func (p Power) String() string {
	return fmt.Sprintf("∝ n^%.2f", p.Exponent)
}
