package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/stat"
)

// Table writes a result as a Markdown table under its heading. A cell is the median of the repetitions
// with the least and the greatest.
func Table(w io.Writer, r *harness.Result) {
	s := &r.Scenario
	fmt.Fprintf(w, "### %s\n\n%s\n\n", s.Title, s.About)
	head := []string{"target"}
	for _, c := range s.Columns {
		head = append(head, c.Title)
		if c.Ratio {
			head = append(head, "× floor")
		}
	}
	head = append(head, "runs", "noise %")
	row(w, head)
	row(w, []string{"---" + strings.Repeat(" | ---:", len(head)-1)})
	for i := range r.Targets {
		row(w, cells(r, &r.Targets[i]))
	}
	fmt.Fprintln(w)
	notes(w, s)
}

func row(w io.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
}

func cells(r *harness.Result, t *harness.TargetResult) []string {
	out := []string{t.Target.Name}
	switch err := t.Err(); {
	case t.Missing:
		return append(out, "not installed: "+t.Target.Get)
	case err != nil:
		// A cell is one line, and a bar would end it.
		text := strings.NewReplacer("\n", " ", "|", "/").Replace(err.Error())
		return append(out, "failed: "+text)
	}
	for _, c := range r.Scenario.Columns {
		out = append(out, cell(r, t.Target.Name, c.Key, false, t.Values(c.Key)))
		if c.Ratio {
			out = append(out, cell(r, t.Target.Name, c.Key, true, r.Ratios(t, c.Key)))
		}
	}
	return append(out, fmt.Sprint(len(t.Runs)), stat.Summarize(t.Noise()).String())
}

func cell(r *harness.Result, target, column string, ratio bool, values []float64) string {
	s := stat.Summarize(values)
	text := s.String()
	for _, g := range r.Scenario.Goals {
		if g.Target == target && g.Column == column && g.Ratio == ratio && s.N > 0 {
			text += "; " + goal(g, s.Median)
		}
	}
	return text
}

// goal is the limit with a mark that says whether the median is within.
func goal(g harness.Goal, median float64) string {
	limit, sign := g.AtMost, "≤"
	if g.AtLeast != 0 {
		limit, sign = g.AtLeast, "≥"
	}
	mark := "✓"
	if !g.Reached(median) {
		mark = "✗"
	}
	return fmt.Sprintf("goal %s %s %s", sign, stat.Format(limit), mark)
}

func notes(w io.Writer, s *harness.Scenario) {
	written := false
	for _, t := range s.Targets {
		if t.Note != "" {
			fmt.Fprintf(w, "- %s: %s\n", t.Name, t.Note)
			written = true
		}
	}
	for _, n := range s.Notes {
		fmt.Fprintf(w, "- %s\n", n)
		written = true
	}
	if written {
		fmt.Fprintln(w)
	}
}
