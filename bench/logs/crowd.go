package logs

import (
	"context"
	"fmt"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// crowd shows how the cost grows with the viewers, all at the same rate.
func crowd() harness.Scenario {
	s := harness.Scenario{
		Name:  "logs/crowd",
		Title: "Logs: what a viewer costs",
		About: fmt.Sprintf("The server's CPU time for %d lines a second, with more and more viewers.", quietRate),
		Axis:  "viewers",
		Columns: []harness.Column{
			{Key: "cpu_pct", Title: "server CPU %"},
			{Key: "cpu_s_mline", Title: "CPU s/million lines"},
			{Key: "memory_mb", Title: "memory MB"},
			{Key: "share_pct", Title: "share %"},
		},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			l := load{viewers: int(t.X), rate: quietRate, time: time.Duration(env.Size(1500, 200)) * time.Millisecond}
			if env.Tiny {
				l.viewers = min(l.viewers, 5)
			}
			all, err := deliver(ctx, env, t.Kind, l)
			if err != nil {
				return nil, err
			}
			return harness.Sample{
				"cpu_pct":     100 * all["cpu_s_mline"] * all["lines_s"] / 1e6,
				"cpu_s_mline": all["cpu_s_mline"], "memory_mb": all["memory_mb"], "share_pct": all["share_pct"],
			}, nil
		},
	}
	for _, n := range []int{1, 5, 20, 100, 500} {
		for _, kind := range []string{floor, pruvon} {
			t := target(kind)
			t.Name, t.X = fmt.Sprintf("%s, %d", kind, n), float64(n)
			s.Targets = append(s.Targets, t)
		}
	}
	return s
}
