package terminal

import (
	"context"
	"fmt"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// echoGrowth is the echo of a key beside more and more idle sessions.
func echoGrowth() harness.Scenario {
	s := harness.Scenario{
		Name:    "terminal/echo-growth",
		Title:   "Terminal: echo by number of sessions",
		About:   "The echo of a key as above, in one of so many sessions; all others are idle.",
		Axis:    "sessions",
		Columns: echoColumns,
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			sample, err := measureEcho(ctx, env, t.Kind, env.Size(int(t.X)-1, 1))
			delete(sample, "cpu_us_key")
			return sample, err
		},
	}
	for _, n := range []int{1, 10, 100, 1000} {
		for _, kind := range []string{floor, pruvon} {
			s.Targets = append(s.Targets, harness.Target{
				Name: fmt.Sprintf("%s, %d", kind, n), Kind: kind, X: float64(n), Floor: kind == floor,
			})
		}
	}
	return s
}
