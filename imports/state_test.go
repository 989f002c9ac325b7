package imports

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The whole machine as a table: for each state and trigger where it leads.
func TestEveryPairOfStateAndTrigger(t *testing.T) {
	states := []State{StateReceiving, StateReady, StateQueued, StateRunning, StateDone}
	triggers := []trigger{trigComplete, trigQueue, trigStart, trigCancel, trigRetry}
	leads := map[State]map[trigger]State{
		StateReceiving: {trigComplete: StateReady, trigCancel: StateReceiving},
		StateReady:     {trigQueue: StateQueued, trigCancel: StateReady},
		StateQueued:    {trigStart: StateRunning, trigCancel: StateQueued},
		StateRunning:   {trigCancel: StateRunning},
		StateDone:      {trigRetry: StateQueued},
	}
	for _, s := range states {
		for _, tr := range triggers {
			p := phase{State: s, Attempt: 1}
			if s == StateDone {
				p.Outcome = OutcomeFailed
			}
			n, err := p.next(tr, "")
			want, ok := leads[s][tr]
			if !ok {
				require.ErrorIs(t, err, errTransition, "%s %s", s, tr)
				require.Equal(t, p, n, "a refused trigger changes nothing")
				continue
			}
			require.NoError(t, err, "%s %s", s, tr)
			require.Equal(t, want, n.State)
			require.Equal(t, tr == trigCancel, n.CancelRequested)
			require.Empty(t, n.Outcome)
		}
	}
}

func TestEveryPairOfStateAndOutcome(t *testing.T) {
	may := map[State][]Outcome{
		StateReceiving: {OutcomeCanceled, OutcomeRejected, OutcomeExpired, OutcomeFailed},
		StateReady:     {OutcomeCanceled, OutcomeRejected, OutcomeFailed},
		StateQueued:    {OutcomeCanceled, OutcomeFailed},
		StateRunning: {
			OutcomeSucceeded, OutcomeSucceededWithWarnings, OutcomeFailed, OutcomeCanceled,
			OutcomeTimedOut, OutcomeInterrupted, OutcomeRejected,
		},
		StateDone: {},
	}
	for s, outs := range may {
		for _, o := range append(outcomes(), "") {
			n, err := phase{State: s, Attempt: 1}.next(trigEnd, o)
			if !contains(outs, o) {
				require.ErrorIs(t, err, errTransition, "%s ends as %q", s, o)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, phase{State: StateDone, Outcome: o, Attempt: 1}, n)
		}
	}
}

func contains(outs []Outcome, o Outcome) bool {
	for _, x := range outs {
		if x == o {
			return true
		}
	}
	return false
}

func TestRetryOnlyOfWhatMaySucceed(t *testing.T) {
	for _, o := range outcomes() {
		n, err := phase{State: StateDone, Outcome: o, Attempt: 3, CancelRequested: true}.next(trigRetry, "")
		switch o {
		case OutcomeFailed, OutcomeCanceled, OutcomeTimedOut, OutcomeInterrupted:
			require.NoError(t, err)
			require.Equal(t, phase{State: StateQueued, Attempt: 4}, n)
		default:
			require.Error(t, err, o)
		}
	}
}

func TestCanceledIsNotStarted(t *testing.T) {
	_, err := phase{State: StateQueued, CancelRequested: true}.next(trigStart, "")
	require.ErrorIs(t, err, errTransition)
}

func TestUploadsHoldNoLock(t *testing.T) {
	require.False(t, StateReceiving.holdsLock())
	require.False(t, StateDone.holdsLock())
	for _, s := range []State{StateReady, StateQueued, StateRunning} {
		require.True(t, s.holdsLock())
	}
}
