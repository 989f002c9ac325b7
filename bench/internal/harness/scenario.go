package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Scenario is one comparison: a thing that is done with each of its targets in turn.
type Scenario struct {
	_ [0]func()

	// Name picks the scenario (-run) and names it in the JSON: "part/what".
	Name string
	// Title is the heading of its table.
	Title string
	// About says in one to three sentences what is done and what is measured.
	About string
	// Columns are the values of a sample, in the order in which they are shown.
	Columns []Column
	// Targets are what is compared, the floor first.
	Targets []Target
	// Goals are what a target should reach. They are shown beside the figure.
	Goals []Goal
	// Notes stand below the table, after those of the targets.
	Notes []string
	// Axis is what Target.X counts, for scenarios whose targets differ in size ("viewers"). Such a
	// scenario can be drawn as a curve. Empty otherwise.
	Axis string
	// Setup prepares what all runs share, such as files in Env.Dir. Nil does nothing.
	Setup func(context.Context, *Env) error
	// Run measures one target once. What it starts with Env is stopped for it. It returns a value for
	// each column; what a target does not have is left out.
	Run func(context.Context, *Env, Target) (Sample, error)
}

// Column is one value of a sample.
type Column struct {
	// Key is the value's name in Sample and in the JSON, with its unit: "cpu_s_gb".
	Key string
	// Title is the heading, with the unit: "server CPU s/GB".
	Title string
	// Ratio asks for a further column with the ratio to the floor's value of the same repetition.
	Ratio bool
}

// Target is one of the things that are compared.
type Target struct {
	// Name is the first cell of its row. It is unique within the scenario.
	Name string
	// Kind is what Run looks at when several targets differ in size only: "pruvon".
	Kind string
	// X is its size on the scenario's Axis.
	X float64
	// Floor marks the one that the others are measured against. A scenario whose targets differ in
	// size has one floor for each size: the ratio is to the floor with the same X.
	Floor bool
	// Note says what is different about this target, below the table.
	Note string
	// Needs is a program that must be on the PATH, "" for none. Without it the row says Get.
	Needs string
	// Get says how Needs is had: "apt-get install websocketd".
	Get string
}

// Goal is a limit for one value of one target.
type Goal struct {
	Target, Column string
	// Ratio says that the goal is about the ratio to the floor.
	Ratio bool
	// AtLeast and AtMost are the limit; one of them is set.
	AtLeast, AtMost float64
}

// Reached says whether a value reaches the goal.
func (g Goal) Reached(v float64) bool {
	if g.AtLeast != 0 {
		return v >= g.AtLeast
	}
	return v <= g.AtMost
}

// Sample is what one run has measured: a value for each Column.Key.
type Sample map[string]float64

// Validate joins the faults of a scenario.
func (s *Scenario) Validate() error {
	var errs []error
	fault := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("scenario %q: "+format, append([]any{s.Name}, args...)...))
	}
	if s.Name == "" || s.Title == "" || s.About == "" || s.Run == nil || len(s.Columns) == 0 || len(s.Targets) == 0 {
		fault("Name, Title, About, Run, Columns and Targets are required")
	}
	seen := map[string]bool{}
	for _, c := range s.Columns {
		if c.Key == "" || c.Title == "" || seen[c.Key] {
			fault("column %q: a key of its own and a title are required", c.Key)
		}
		seen[c.Key] = true
	}
	names := map[string]bool{}
	floors := map[float64]bool{}
	for _, t := range s.Targets {
		if t.Name == "" || names[t.Name] {
			fault("target %q: a name of its own is required", t.Name)
		}
		names[t.Name] = true
		if t.Floor && floors[t.X] {
			fault("target %q: there is another floor of this size", t.Name)
		}
		floors[t.X] = floors[t.X] || t.Floor
		if (t.Needs == "") != (t.Get == "") {
			fault("target %q: Needs and Get belong together", t.Name)
		}
		if t.X != 0 && s.Axis == "" {
			fault("target %q: X without Axis", t.Name)
		}
	}
	for _, g := range s.Goals {
		if !names[g.Target] || !seen[g.Column] || (g.AtLeast == 0) == (g.AtMost == 0) {
			fault("goal for %q of %q: unknown, or not one limit", g.Column, g.Target)
		}
	}
	return errors.Join(errs...)
}

// check finds the values of a sample that no column shows.
func (s *Scenario) check(sample Sample) error {
	for key := range sample {
		if !slices.ContainsFunc(s.Columns, func(c Column) bool { return c.Key == key }) {
			return fmt.Errorf("no column shows %q", key)
		}
	}
	return nil
}
