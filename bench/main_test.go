package main

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

func TestMain(m *testing.M) {
	harness.ServeIfAsked(roles())
	goleak.VerifyTestMain(m)
}

// Every scenario still works: each target gives a value for what it is shown with. A peer that is not
// installed is left out, as in a real run.
func TestScenariosWork(t *testing.T) {
	require.NotEmpty(t, scenarios())
	for _, s := range scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			results, err := harness.RunAll(context.Background(), []harness.Scenario{s}, harness.Options{
				Repetitions: 1, Tiny: true, Progress: t.Output(), NoiseFor: time.Millisecond, Timeout: time.Minute,
			})
			require.NoError(t, err)
			for _, target := range results[0].Targets {
				require.NoError(t, target.Err(), target.Target.Name)
				require.True(t, target.Missing || len(target.Runs[0].Sample) > 0, target.Target.Name)
			}
		})
	}
}

func TestScenariosHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range scenarios() {
		require.NoError(t, s.Validate())
		require.False(t, seen[s.Name], s.Name)
		seen[s.Name] = true
	}
}
