package logs

import (
	"context"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// latency is the life of most logs: few lines, one viewer.
func latency() harness.Scenario {
	const rate = 500
	s := harness.Scenario{
		Name:  "logs/latency",
		Title: "Logs: from append to viewer",
		About: "One viewer, 500 lines a second, each in a write of its own: the time from the write until the viewer has the line.",
		Columns: []harness.Column{
			{Key: "p50_ms", Title: "p50 ms", Ratio: true},
			{Key: "p99_ms", Title: "p99 ms"},
			{Key: "cpu_pct", Title: "server CPU %"},
		},
		Goals: []harness.Goal{
			{Target: pruvon, Column: "p50_ms", AtMost: 1},
			{Target: pruvon, Column: "p99_ms", AtMost: 10},
		},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			d := time.Duration(env.Size(2000, 200)) * time.Millisecond
			all, err := deliver(ctx, env, t.Kind, load{viewers: 1, rate: rate, time: d})
			if err != nil {
				return nil, err
			}
			return harness.Sample{
				"p50_ms": all["p50_ms"], "p99_ms": all["p99_ms"],
				"cpu_pct": 100 * all["cpu_s_mline"] * all["lines_s"] / 1e6,
			}, nil
		},
	}
	for _, kind := range []string{floor, pruvon, nxadm, websocketd} {
		s.Targets = append(s.Targets, target(kind))
	}
	s.Targets[0].Note = "The floor looks for more each millisecond, the others are woken up by inotify(7)."
	return s
}
