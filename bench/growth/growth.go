// Package growth draws how costs grow with what causes them: sessions, viewers,
// rules, the size of a file.
package growth

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/pruvon/pruvon/bench/internal/fit"
	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/plot"
	"github.com/pruvon/pruvon/bench/internal/stat"
)

// curve is one cost of one scenario whose targets differ in size.
type curve struct {
	scenario, column string
	kinds            []string // Target.Kind of each series, ours first
	file             string   // of the picture
	title, x, y      string
}

var curves = []curve{
	{"terminal/growth", "mib", []string{"pruvon", "floor"}, "growth-sessions.svg", "Memory of idle sessions", "sessions", "MiB"},
	{"terminal/echo-growth", "p99_us", []string{"pruvon", "floor"}, "growth-echo.svg", "Echo of a key beside idle sessions", "sessions", "p99, µs"},
	{"logs/crowd", "cpu_pct", []string{"pruvon", "floor"}, "growth-viewers.svg", "One log, many viewers", "viewers", "CPU of the server, %"},
	{"logs/tail", "p50_ms", []string{"pruvon", "tail"}, "growth-file.svg", "The last 1,000 lines of a file", "MB of file", "ms"},
	{"addresses/rules", "ns", []string{"pruvon", "bart", "one by one"}, "growth-rules.svg", "One address in a list of rules", "rules", "ns"},
}

// linear is the largest exponent that counts as linear: measurements scatter.
const linear = 1.05

// Growth is what has been measured of one curve.
type Growth struct {
	plot.Plot
	File string
}

// Of finds the curves in the results. A scenario that was not run, or has too
// few sizes, has none.
func Of(results []harness.Result) (all []Growth) {
	for _, c := range curves {
		for i := range results {
			if results[i].Scenario.Name != c.scenario {
				continue
			}
			if g, ok := c.of(&results[i]); ok {
				all = append(all, g)
			}
		}
	}
	return all
}

// of takes the medians, so that one disturbed run bends no curve.
func (c curve) of(r *harness.Result) (Growth, bool) {
	g := Growth{File: c.file, Plot: plot.Plot{Title: c.title, X: c.x, Y: c.y}}
	for _, kind := range c.kinds {
		s := plot.Series{Name: kind}
		for i := range r.Targets {
			t := &r.Targets[i]
			median := stat.Summarize(t.Values(c.column)).Median
			if t.Target.Kind == kind && t.Target.X > 0 && median > 0 {
				s.Points = append(s.Points, fit.Point{X: t.Target.X, Y: median})
			}
		}
		var err error
		if s.Fit, err = fit.Fit(s.Points); err != nil {
			return Growth{}, false
		}
		g.Series = append(g.Series, s)
	}
	return g, true
}

// WriteFiles draws the pictures into a directory.
func WriteFiles(dir string, all []Growth) error {
	if len(all) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var errs []error
	for _, g := range all {
		f, err := os.Create(filepath.Join(dir, g.File))
		if err != nil {
			return err
		}
		errs = append(errs, g.Write(f), f.Close())
	}
	return errors.Join(errs...)
}

// Markdown is a table of the exponents, and the pictures if it is known where
// they are.
func Markdown(all []Growth, images string) string {
	if len(all) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("### How costs grow\n\nThe cost is fitted by a power of the size, n^x, by least squares of the logarithms of the medians. " +
		"Linear growth is x = 1, none at all is x = 0.\n\n| cost | grows with | pruvon | beside it |\n| --- | --- | ---: | --- |\n")
	for _, g := range all {
		ours, others := g.Series[0], g.Series[1:]
		mark := "✓"
		if ours.Fit.Exponent > linear {
			mark = "✗"
		}
		var beside []string
		for _, s := range others {
			beside = append(beside, s.Name+" "+s.Fit.String())
		}
		fmt.Fprintf(&b, "| %s (%s) | %s | %s; goal at most linear %s | %s |\n", g.Title, g.Y, g.X, ours.Fit, mark, strings.Join(beside, ", "))
	}
	b.WriteString("\n")
	for _, g := range all {
		if images != "" {
			fmt.Fprintf(&b, "![%s: %s by %s](%s/%s)\n", g.Title, g.Y, g.X, images, g.File)
		}
	}
	return b.String()
}
