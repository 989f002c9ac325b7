// Package stat has the little statistics that a comparison needs.
package stat

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// Summary is what is shown of repeated values.
type Summary struct {
	N                int
	Median, Min, Max float64
}

// Summarize sums values up. Of an even number the median is the mean of the two in the middle; of
// none everything is NaN.
func Summarize(values []float64) Summary {
	n := len(values)
	if n == 0 {
		return Summary{Median: math.NaN(), Min: math.NaN(), Max: math.NaN()}
	}
	v := slices.Sorted(slices.Values(values))
	return Summary{N: n, Median: (v[(n-1)/2] + v[n/2]) / 2, Min: v[0], Max: v[n-1]}
}

// String is "median (min–max)", or the median alone where all are shown alike.
func (s Summary) String() string {
	if s.N == 0 {
		return ""
	}
	median, low, high := Format(s.Median), Format(s.Min), Format(s.Max)
	if low == high {
		return median
	}
	return fmt.Sprintf("%s (%s–%s)", median, low, high)
}

// Format shows a value with three significant digits, never with an exponent.
func Format(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case v == 0:
		return "0"
	}
	decimals := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	s := strconv.FormatFloat(v, 'f', min(max(decimals, 0), 6), 64)
	if decimals > 0 {
		s = trimZeros(s)
	}
	return s
}

func trimZeros(s string) string {
	for s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		s = s[:len(s)-1]
	}
	return s
}

// Percentile returns the smallest duration that p percent of them do not exceed. It sorts them.
func Percentile(d []time.Duration, p float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	i := int(math.Ceil(p/100*float64(len(d)))) - 1
	return d[min(max(i, 0), len(d)-1)]
}
