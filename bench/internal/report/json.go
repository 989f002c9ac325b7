package report

import (
	"encoding/json"
	"io"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// File is the JSON form of a run.
type File struct {
	Machine   Machine    `json:"machine"`
	Scenarios []Scenario `json:"scenarios"`
}

// Scenario is the JSON form of a result.
type Scenario struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Axis    string   `json:"axis,omitempty"`
	Targets []Target `json:"targets"`
}

// Target has the samples of one target, in the order of the repetitions.
type Target struct {
	Name    string           `json:"name"`
	Kind    string           `json:"kind,omitempty"`
	X       float64          `json:"x,omitempty"`
	Floor   bool             `json:"floor,omitempty"`
	Missing bool             `json:"missing,omitempty"`
	Errors  []string         `json:"errors,omitempty"`
	Samples []harness.Sample `json:"samples"`
	Noise   []float64        `json:"noise_pct"`
}

// JSON writes all samples.
func JSON(w io.Writer, m Machine, results []harness.Result) error {
	f := File{Machine: m, Scenarios: []Scenario{}}
	for _, r := range results {
		s := Scenario{Name: r.Scenario.Name, Title: r.Scenario.Title, Axis: r.Scenario.Axis}
		for _, t := range r.Targets {
			s.Targets = append(s.Targets, target(&t))
		}
		f.Scenarios = append(f.Scenarios, s)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(f)
}

func target(t *harness.TargetResult) Target {
	out := Target{
		Name: t.Target.Name, Kind: t.Target.Kind, X: t.Target.X, Floor: t.Target.Floor,
		Missing: t.Missing, Samples: []harness.Sample{}, Noise: t.Noise(),
	}
	for _, r := range t.Runs {
		if r.Err != nil {
			out.Errors = append(out.Errors, r.Err.Error())
		} else {
			out.Samples = append(out.Samples, r.Sample)
		}
	}
	return out
}
