// Package plot draws how costs grow as a small SVG: two logarithmic axes,
// points, and the curve that fits them. It is readable on a light and on a dark
// page, and its text is text.
package plot

import (
	"errors"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/pruvon/pruvon/bench/internal/fit"
)

// Series is one kind of points and their curve.
type Series struct {
	Name   string
	Points []fit.Point
	Fit    fit.Power
}

// Plot is one picture.
type Plot struct {
	Title, X, Y string // what is shown, and the axes' names with their units
	Series      []Series
}

// The picture's measures, in pixels of its own.
const (
	width, height            = 480, 300
	left, right, top, bottom = 74, 18, 62, 46
)

// colors are those of the series, for light and for dark pages. Lines and shapes
// differ too, for those who do not see the difference.
var colors = []struct{ light, dark, dash string }{
	{"#0550ae", "#79c0ff", ""},
	{"#bc4c00", "#ffa657", "6 4"},
	{"#1a7f37", "#56d364", "2 3"},
}

var errEmpty = errors.New("a plot needs points with positive coordinates, in one to three series")

// Write writes the SVG.
func (p Plot) Write(w io.Writer) error {
	var xs, ys []float64
	for _, s := range p.Series {
		for _, point := range s.Points {
			if !(point.X > 0 && point.Y > 0) {
				return errEmpty
			}
			xs, ys = append(xs, point.X), append(ys, point.Y)
		}
	}
	if len(xs) == 0 || len(p.Series) > len(colors) {
		return errEmpty
	}
	x := newAxis(xs, left, width-right)
	y := newAxis(ys, height-bottom, top)

	var b strings.Builder
	p.head(&b)
	p.grid(&b, x, y)
	for i, s := range p.Series {
		s.draw(&b, i, x, y)
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (p Plot) head(b *strings.Builder) {
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">`+"\n", width, height, width, height)
	fmt.Fprintf(b, "<title>%s</title>\n<style>\n", html.EscapeString(p.Title))
	b.WriteString("text { font: 12px system-ui, sans-serif; fill: #1f2328 }\n.title { font-size: 14px; font-weight: 600 }\n" +
		".line { stroke: #59636e; stroke-opacity: .3 }\n.frame { stroke: #59636e; fill: none }\n")
	for i, c := range colors[:len(p.Series)] {
		fmt.Fprintf(b, ".p%d { fill: %s } .f%d { stroke: %s; stroke-width: 1.5; fill: none }\n", i, c.light, i, c.light)
	}
	b.WriteString("@media (prefers-color-scheme: dark) {\ntext { fill: #f0f6fc }\n.line, .frame { stroke: #9198a1 }\n")
	for i, c := range colors[:len(p.Series)] {
		fmt.Fprintf(b, ".p%d { fill: %s } .f%d { stroke: %s }\n", i, c.dark, i, c.dark)
	}
	b.WriteString("}\n</style>\n")
	fmt.Fprintf(b, `<text class="title" x="%d" y="20">%s</text>`+"\n", left, html.EscapeString(p.Title))
}

func (p Plot) grid(b *strings.Builder, x, y axis) {
	for _, v := range x.ticks() {
		fmt.Fprintf(b, `<path class="line" d="M%.1f %dV%d"/>`, x.at(v), top, height-bottom)
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle">%s</text>`+"\n", x.at(v), height-bottom+16, tickName(v))
	}
	for _, v := range y.ticks() {
		fmt.Fprintf(b, `<path class="line" d="M%d %.1fH%d"/>`, left, y.at(v), width-right)
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`+"\n", left-6, y.at(v)+4, tickName(v))
	}
	fmt.Fprintf(b, `<path class="frame" d="M%d %dV%dH%d"/>`+"\n", left, top, height-bottom, width-right)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (left+width-right)/2, height-8, html.EscapeString(p.X))
	fmt.Fprintf(b, `<text x="14" y="%d" text-anchor="middle" transform="rotate(-90 14 %d)">%s</text>`+"\n",
		(top+height-bottom)/2, (top+height-bottom)/2, html.EscapeString(p.Y))
}

// draw adds the points, the curve between the first and the last of them, and
// the line of the legend that says what they are.
func (s Series) draw(b *strings.Builder, i int, x, y axis) {
	low, high := s.Points[0].X, s.Points[0].X
	for _, p := range s.Points {
		low, high = min(low, p.X), max(high, p.X)
		b.WriteString(shape(i, x.at(p.X), y.at(p.Y)))
	}
	dash := ""
	if d := colors[i].dash; d != "" {
		dash = fmt.Sprintf(` stroke-dasharray="%s"`, d)
	}
	fmt.Fprintf(b, "\n"+`<path class="f%d"%s d="M%.1f %.1fL%.1f %.1f"/>`+"\n", i, dash, x.at(low), y.at(s.Fit.At(low)), x.at(high), y.at(s.Fit.At(high)))
	// The legend stands in one line above the plot, a place for each series.
	place := left + i*(width-left-right)/len(colors)
	b.WriteString(shape(i, float64(place)+4, 42))
	fmt.Fprintf(b, `<text x="%d" y="46">%s</text>`+"\n", place+12, html.EscapeString(s.Name+" "+s.Fit.String()))
}

// shape is a point of series i: a circle, a square, a triangle.
func shape(i int, x, y float64) string {
	switch i {
	case 0:
		return fmt.Sprintf(`<circle class="p0" cx="%.1f" cy="%.1f" r="3.5"/>`, x, y)
	case 1:
		return fmt.Sprintf(`<rect class="p1" x="%.1f" y="%.1f" width="7" height="7"/>`, x-3.5, y-3.5)
	}
	return fmt.Sprintf(`<path class="p2" d="M%.1f %.1fl4.5 8h-9z"/>`, x, y-4.5)
}
