package plot

import (
	"encoding/xml"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/bench/internal/fit"
)

func series(name string, points ...fit.Point) Series {
	power, err := fit.Fit(points)
	if err != nil {
		panic(err)
	}
	return Series{Name: name, Points: points, Fit: power}
}

func draw(t *testing.T, p Plot) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, p.Write(&b))
	return b.String()
}

// elements returns the attributes of all elements of a name, and fails on what
// is not well-formed XML.
func elements(t *testing.T, svg, name string) (found []map[string]string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return found
		}
		require.NoError(t, err)
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == name {
			attrs := make(map[string]string)
			for _, a := range e.Attr {
				attrs[a.Name.Local] = a.Value
			}
			found = append(found, attrs)
		}
	}
}

func TestPointsLieWhereTheyBelong(t *testing.T) {
	svg := draw(t, Plot{Title: "Cost", X: "n", Y: "ms", Series: []Series{
		series("ours", fit.Point{X: 1, Y: 1}, fit.Point{X: 10, Y: 10}, fit.Point{X: 100, Y: 100}),
	}})
	circles := elements(t, svg, "circle")
	require.Len(t, circles, 4, "three points and one in the legend")
	require.Equal(t, "74.0", circles[0]["cx"])
	require.Equal(t, "254.0", circles[0]["cy"])
	require.Equal(t, "268.0", circles[1]["cx"], "the middle of two decades")
	require.Equal(t, "158.0", circles[1]["cy"])
	require.Equal(t, "462.0", circles[2]["cx"])
	require.Equal(t, "62.0", circles[2]["cy"])
	require.Contains(t, svg, `d="M74.0 254.0L462.0 62.0"`, "the curve goes from the first to the last point")
	require.Contains(t, svg, "ours ∝ n^1.00")
}

func TestReadableOnLightAndDarkPages(t *testing.T) {
	svg := draw(t, Plot{Title: "Cost", X: "n", Y: "ms", Series: []Series{
		series("a", fit.Point{X: 1, Y: 1}, fit.Point{X: 10, Y: 2}),
		series("b", fit.Point{X: 1, Y: 3}, fit.Point{X: 10, Y: 4}),
		series("c", fit.Point{X: 1, Y: 5}, fit.Point{X: 10, Y: 6}),
	}})
	_, dark, ok := strings.Cut(svg, "@media (prefers-color-scheme: dark)")
	require.True(t, ok)
	for i, c := range colors {
		require.Contains(t, svg, c.light)
		require.Contains(t, dark, c.dark)
		require.Contains(t, svg, `class="f`+string(rune('0'+i))+`"`)
	}
	require.Len(t, elements(t, svg, "rect"), 3)
}

func TestTextIsEscaped(t *testing.T) {
	svg := draw(t, Plot{Title: `<b> & "x"`, X: "a<b", Y: "c&d", Series: []Series{
		series("</text><script>", fit.Point{X: 1, Y: 1}, fit.Point{X: 2, Y: 1}),
	}})
	require.Empty(t, elements(t, svg, "script"))
	require.Empty(t, elements(t, svg, "b"))
}

func TestRefusesWhatCannotBeDrawn(t *testing.T) {
	one := series("a", fit.Point{X: 1, Y: 1}, fit.Point{X: 2, Y: 1})
	zero := one
	zero.Points = []fit.Point{{X: 0, Y: 1}}
	for _, p := range []Plot{{}, {Series: []Series{{Name: "empty"}}}, {Series: []Series{zero}}, {Series: []Series{one, one, one, one}}} {
		require.ErrorIs(t, p.Write(io.Discard), errEmpty)
	}
}

func TestAxis(t *testing.T) {
	for _, c := range []struct {
		values    []float64
		low, high float64
	}{
		{[]float64{1, 1000}, 0, 3},
		{[]float64{5, 5}, 0, 1},
		{[]float64{10, 10}, 1, 2},
		{[]float64{0.002, 3}, -3, 1},
		{[]float64{math.Pow(10, -6)}, -6, -5},
	} {
		a := newAxis(c.values, 0, 100)
		require.Equal(t, [2]float64{c.low, c.high}, [2]float64{a.low, a.high}, "%v", c.values)
		require.Len(t, a.ticks(), int(c.high-c.low)+1)
	}
}

func TestTickNames(t *testing.T) {
	for v, want := range map[float64]string{
		1e-6: "0.000001", 0.01: "0.01", math.Pow(10, -1): "0.1", 1: "1", 100: "100", 1e3: "1,000", 1e5: "100,000",
		1e6: "1 M", 1e8: "100 M", 1e9: "1 G", 1e13: "10,000 G",
	} {
		require.Equal(t, want, tickName(v))
	}
}
