package logs

import (
	"context"
	"fmt"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/lines"
	"github.com/pruvon/pruvon/bench/internal/procfs"
)

// The load of the fan-out: 50,000 lines of 150 bytes a second are what a busy
// access log has; nobody reads along with 500 at that rate.
const (
	fullRate  = 50_000
	quietRate = 5_000
	manyCrowd = 500
)

func fanOut() harness.Scenario {
	s := harness.Scenario{
		Name:  "logs/fan-out",
		Title: "Logs: one file, many viewers",
		About: fmt.Sprintf("A file gets %d lines of %d bytes a second (%d with %d viewers) for two seconds, and every viewer is to get each of them. "+
			"The share is what has come within a second after the last was written; CPU and memory are the server's with all its children.", fullRate, lines.Size, quietRate, manyCrowd),
		Axis: "viewers",
		Columns: []harness.Column{
			{Key: "lines_s", Title: "lines/s delivered", Ratio: true},
			{Key: "share_pct", Title: "share %"},
			{Key: "lost", Title: "lost a viewer"},
			{Key: "doubled", Title: "doubled"},
			{Key: "p50_ms", Title: "p50 ms"},
			{Key: "p99_ms", Title: "p99 ms"},
			{Key: "cpu_s_mline", Title: "CPU s/million lines", Ratio: true},
			{Key: "memory_mb", Title: "memory MB"},
			{Key: "processes", Title: "processes"},
		},
		Run: runFanOut,
	}
	for _, n := range []int{1, 10, 100, manyCrowd} {
		for _, kind := range []string{floor, pruvon, nxadm, websocketd} {
			t := target(kind)
			t.Name, t.X = fmt.Sprintf("%s, %d", kind, n), float64(n)
			s.Targets = append(s.Targets, t)
		}
		ours := fmt.Sprintf("%s, %d", pruvon, n)
		s.Goals = append(s.Goals,
			harness.Goal{Target: ours, Column: "share_pct", AtLeast: 99.9},
			harness.Goal{Target: ours, Column: "lines_s", Ratio: true, AtLeast: 0.95})
		if n == 100 {
			s.Goals = append(s.Goals, harness.Goal{Target: ours, Column: "cpu_s_mline", AtMost: 0.15})
		}
	}
	return s
}

func runFanOut(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
	n, rate := int(t.X), fullRate
	if n >= manyCrowd {
		rate = quietRate
	}
	if env.Tiny {
		n, rate = min(n, 5), quietRate
	}
	return deliver(ctx, env, t.Kind, load{viewers: n, rate: rate, time: time.Duration(env.Size(2000, 200)) * time.Millisecond})
}

// load is what a crowd is shown.
type load struct {
	viewers, rate int
	time          time.Duration
	ring          int64 // logs.Config.Ring
}

// deliver writes at a rate and measures what comes to the viewers, and at what
// price.
func deliver(ctx context.Context, env *harness.Env, kind string, l load) (harness.Sample, error) {
	s, err := open(ctx, env, kind, config{Ring: l.ring}, l.viewers)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.gather(ctx, l.viewers); err != nil {
		return nil, err
	}
	before, _, err := procfs.Group(s.server.PID)
	if err != nil {
		return nil, err
	}
	s.writer.Rate = l.rate
	first, begin := s.writer.Next, time.Now()
	if s.file, err = s.writer.Run(s.file, l.time, nil); err != nil {
		return nil, err
	}
	want := int64(s.writer.Next-first) * int64(l.viewers)
	await(s.crowd.Tally, want, time.Second)
	took := time.Since(begin)
	after, processes, err := procfs.Group(s.server.PID)
	if err != nil {
		return nil, err
	}
	got := s.crowd.Tally.Count()
	if got == 0 {
		return nil, errNobody
	}
	sample := harness.Sample{
		"lines_s":     float64(got) / took.Seconds(),
		"share_pct":   100 * float64(got) / float64(want),
		"cpu_s_mline": (after.CPU - before.CPU).Seconds() / (float64(got) / 1e6),
		"memory_mb":   float64(after.Anon) / 1e6,
		"processes":   float64(processes),
	}
	judge(sample, s.close(), first)
	return sample, nil
}
