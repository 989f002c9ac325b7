package harness

import "math"

// Values are a target's values in a column, one for each run that has one.
func (r *TargetResult) Values(column string) []float64 {
	var out []float64
	for _, run := range r.Runs {
		if v, ok := run.Sample[column]; ok {
			out = append(out, v)
		}
	}
	return out
}

// Ratios are a target's values in a column over those that the floor of the same size has reached in
// the same repetition.
func (r *Result) Ratios(t *TargetResult, column string) []float64 {
	floor := r.floor(t.Target.X)
	if floor == nil {
		return nil
	}
	under := map[int]float64{}
	for _, run := range floor.Runs {
		if v, ok := run.Sample[column]; ok && v != 0 {
			under[run.Repetition] = v
		}
	}
	var out []float64
	for _, run := range t.Runs {
		v, ok := run.Sample[column]
		below, measured := under[run.Repetition]
		if ratio := v / below; ok && measured && !math.IsInf(ratio, 0) {
			out = append(out, ratio)
		}
	}
	return out
}

func (r *Result) floor(x float64) *TargetResult {
	for i := range r.Targets {
		if t := &r.Targets[i]; t.Target.Floor && t.Target.X == x {
			return t
		}
	}
	return nil
}

// Noise is the noise before each run, in percent.
func (r *TargetResult) Noise() []float64 {
	var out []float64
	for _, run := range r.Runs {
		out = append(out, run.Noise*100)
	}
	return out
}

// Err is the first error of its runs.
func (r *TargetResult) Err() error {
	for _, run := range r.Runs {
		if run.Err != nil {
			return run.Err
		}
	}
	return nil
}
