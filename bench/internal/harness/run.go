package harness

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/pruvon/pruvon/bench/internal/procfs"
)

// Options say how scenarios are run.
type Options struct {
	_ [0]func()

	// Match picks scenarios by name. Nil takes all.
	Match *regexp.Regexp
	// Repetitions is how often each target is measured.
	Repetitions int
	// Tiny makes the smallest runs, to see whether they work at all.
	Tiny bool
	// Progress takes a line for each run.
	Progress io.Writer
	// Timeout ends a run that hangs. 0 = 2 min.
	Timeout time.Duration
	// NoiseFor is how long the machine is watched before each run. 0 = 200 ms.
	NoiseFor time.Duration
}

// Result is what a scenario has measured.
type Result struct {
	Scenario Scenario
	Targets  []TargetResult // in the order of Scenario.Targets
}

// TargetResult is what one target has reached.
type TargetResult struct {
	Target  Target
	Runs    []Run
	Missing bool // Target.Needs is not installed
}

// Run is one measurement.
type Run struct {
	Repetition int
	Sample     Sample
	// Noise is the share of the machine, 0 to 1, that others kept busy just before.
	Noise float64
	// Err is why there is no sample.
	Err error
}

// RunAll runs the scenarios that the options pick. A run that fails is part of the result; the error is
// about what keeps all of them from being run.
func RunAll(ctx context.Context, scenarios []Scenario, o Options) ([]Result, error) {
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.NoiseFor == 0 {
		o.NoiseFor = 200 * time.Millisecond
	}
	var results []Result
	for _, s := range scenarios {
		if o.Match != nil && !o.Match.MatchString(s.Name) {
			continue
		}
		if err := s.Validate(); err != nil {
			return nil, err
		}
		r, err := runScenario(ctx, s, &o)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.Name, err)
		}
		results = append(results, r)
	}
	return results, ctx.Err()
}

// runScenario measures every target once, then every target again: a machine that gets slower gets
// slower for all. Each repetition starts with the next target, so that none always follows the same.
func runScenario(ctx context.Context, s Scenario, o *Options) (Result, error) {
	dir, err := os.MkdirTemp("", "pruvon-bench-")
	if err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(dir)
	env := &Env{Dir: dir, Tiny: o.Tiny}
	if s.Setup != nil {
		if err := s.Setup(ctx, env); err != nil {
			return Result{}, fmt.Errorf("set up: %w", err)
		}
	}
	r := Result{Scenario: s, Targets: make([]TargetResult, len(s.Targets))}
	for i, t := range s.Targets {
		r.Targets[i].Target = t
		if t.Needs != "" {
			_, err := exec.LookPath(t.Needs)
			r.Targets[i].Missing = err != nil
		}
	}
	for rep := range o.Repetitions {
		for i := range r.Targets {
			t := &r.Targets[(i+rep)%len(r.Targets)]
			if t.Missing {
				continue
			}
			if err := ctx.Err(); err != nil {
				return r, err
			}
			run := runOnce(ctx, &s, env, t.Target, o)
			run.Repetition = rep
			t.Runs = append(t.Runs, run)
		}
	}
	return r, nil
}

func runOnce(ctx context.Context, s *Scenario, env *Env, t Target, o *Options) (r Run) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	defer env.stopAll()
	if r.Noise, r.Err = procfs.Busy(ctx, o.NoiseFor); r.Err != nil {
		return r
	}
	start := time.Now()
	r.Sample, r.Err = s.Run(ctx, env, t)
	if r.Err == nil {
		r.Err = s.check(r.Sample)
	}
	if r.Err != nil {
		r.Sample = nil
		fmt.Fprintf(o.Progress, "%s %s: %v\n", s.Name, t.Name, r.Err)
		return r
	}
	fmt.Fprintf(o.Progress, "%s %s: %.1f s\n", s.Name, t.Name, time.Since(start).Seconds())
	return r
}
