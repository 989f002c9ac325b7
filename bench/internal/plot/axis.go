package plot

import (
	"math"
	"strconv"
	"strings"
)

// axis maps values to places on a logarithmic scale.
type axis struct {
	low, high float64 // decades at the ends, as exponents of ten
	from, to  float64 // their places
}

// newAxis covers the values with whole decades, at least one.
func newAxis(values []float64, from, to float64) axis {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, math.Log10(v)), max(high, math.Log10(v))
	}
	// A value of 1000 that the logarithm makes 2.9999999999999996 lies on
	// the decade, not below it.
	const rounding = 1e-9
	low, high = math.Floor(low+rounding), math.Ceil(high-rounding)
	if high <= low {
		high = low + 1
	}
	return axis{low: low, high: high, from: from, to: to}
}

// at is the place of a value.
func (a axis) at(v float64) float64 {
	return a.from + (math.Log10(v)-a.low)/(a.high-a.low)*(a.to-a.from)
}

// ticks are the decades.
func (a axis) ticks() (values []float64) {
	for d := a.low; d <= a.high; d++ {
		values = append(values, math.Pow(10, d))
	}
	return values
}

// tickName writes a power of ten as people do: 0.01, 1, 1,000, 1 M.
func tickName(v float64) string {
	switch {
	case v >= 0.9999e9:
		return thousands(v/1e9) + " G"
	case v >= 0.9999e6:
		return thousands(v/1e6) + " M"
	case v >= 0.9999:
		return thousands(v)
	}
	return strings.TrimRight(strconv.FormatFloat(v, 'f', 9, 64), "0")
}

func thousands(v float64) string {
	s := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
