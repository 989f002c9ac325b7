package logs

import (
	"context"
	"fmt"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/procfs"
)

// stall is how long the viewer of the ring scenario reads nothing.
const stall = 1500 * time.Millisecond

// ring shows what Config.Ring buys: how much a viewer that does not keep up
// misses, and what it costs.
func ring() harness.Scenario {
	s := harness.Scenario{
		Name:  "logs/ring",
		Title: "Logs: the size of the ring",
		About: fmt.Sprintf("A viewer reads nothing for %v while %d lines a second are written, 11 MB in all, and then goes on. "+
			"What the ring cannot hold meanwhile is a gap that says its length; the viewer can fetch it.", stall, fullRate),
		Columns: []harness.Column{
			{Key: "missed_lines", Title: "lines in the gap"},
			{Key: "missed_pct", Title: "% of what was written"},
			{Key: "memory_mb", Title: "memory MB"},
		},
		Axis: "MiB of ring",
	}
	for _, mib := range []int{1, 4, 8, 16, 32} {
		t := harness.Target{Name: fmt.Sprintf("%d MiB", mib), Kind: pruvon, X: float64(mib)}
		if mib == 8 {
			t.Note = "The default."
		}
		s.Targets = append(s.Targets, t)
	}
	s.Run = func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
		return fallBehind(ctx, env, int64(t.X)<<20, time.Duration(env.Size(int(stall), int(stall/10))))
	}
	return s
}

func fallBehind(ctx context.Context, env *harness.Env, ring int64, d time.Duration) (harness.Sample, error) {
	s, err := open(ctx, env, pruvon, config{Ring: ring}, 1)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.gather(ctx, 1); err != nil {
		return nil, err
	}
	s.crowd.Pause()
	s.writer.Rate = fullRate
	first := s.writer.Next
	if s.file, err = s.writer.Run(s.file, d, nil); err != nil {
		return nil, err
	}
	end := s.writer.Next
	u, _, err := procfs.Group(s.server.PID)
	if err != nil {
		return nil, err
	}
	s.crowd.Resume()
	// The last line is there when everything before it has come or been missed.
	s.settle(300 * time.Millisecond)
	missed := s.close()[0].Missing(first, end)
	return harness.Sample{
		"missed_lines": float64(missed),
		"missed_pct":   100 * float64(missed) / float64(end-first),
		"memory_mb":    float64(u.Anon) / 1e6,
	}, nil
}
