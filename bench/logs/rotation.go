package logs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// How the rotated log is written and rotated.
const (
	rotationRate  = 20_000
	rotationGap   = 100 * time.Millisecond
	rotationEvery = 700 * time.Millisecond
)

// rotation makes a scenario of one way to rotate.
func rotation(name, title, about string, rotate func(path string) error, gap time.Duration) harness.Scenario {
	s := harness.Scenario{
		Name: "logs/" + name, Title: title,
		About: about + fmt.Sprintf(" A log of %d lines a second is rotated three times. Counted are the lines that stand in one of the files afterwards and never came, "+
			"and those that came twice: what the rotator itself destroyed is nobody's fault.", rotationRate),
		Columns: []harness.Column{
			{Key: "lost", Title: "lost a rotation"},
			{Key: "doubled", Title: "doubled a rotation"},
			{Key: "p99_ms", Title: "p99 ms"},
		},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			return follow(ctx, env, t.Kind, &rotator{rotate: rotate, gap: gap, left: env.Size(3, 1)})
		},
	}
	for _, kind := range []string{pruvon, nxadm, tailF} {
		s.Targets = append(s.Targets, target(kind))
	}
	return s
}

func rename() harness.Scenario {
	return rotation("rename", "Logs: rotation by rename",
		"The writer goes on in the old file for 100 ms after the new one is there, as nginx does until it is told to reopen.", renamed, rotationGap)
}

func copyTruncate() harness.Scenario {
	return rotation("copytruncate", "Logs: rotation by copytruncate",
		"The file is copied and cut to nothing under the writer, who never notices.", copied, 0)
}

// follow writes and rotates, and compares what came with what there is.
func follow(ctx context.Context, env *harness.Env, kind string, r *rotator) (harness.Sample, error) {
	s, err := open(ctx, env, kind, config{}, 1)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.gather(ctx, 1); err != nil {
		return nil, err
	}
	rotations := float64(r.left)
	s.writer.Rate = rotationRate
	first := s.writer.Next
	r.begin(s.path)
	s.file, err = s.writer.Run(s.file, time.Duration(r.left+1)*rotationEvery, r.step)
	if err = errors.Join(err, r.end()); err != nil {
		return nil, err
	}
	there, err := numbers(s.path, first)
	if err != nil {
		return nil, err
	}
	await(s.crowd.Tally, int64(len(there)), 2*time.Second)
	s.settle(100 * time.Millisecond)
	judges := s.close()
	sample := make(harness.Sample)
	judge(sample, judges, first)
	lost := 0
	for n := range there {
		if judges[0].Times(n) == 0 {
			lost++
		}
	}
	return harness.Sample{
		"lost": float64(lost) / rotations, "doubled": sample["doubled"] / rotations, "p99_ms": sample["p99_ms"],
	}, nil
}
