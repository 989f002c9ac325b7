package terminal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPhaseEveryEvent(t *testing.T) {
	const no = phase(99) // nothing changes
	table := map[phase][5]phase{
		//         started  failed end    exited    drained
		starting: {running, ended, doomed, no, no},
		doomed:   {ending, ended, no, no, no},
		running:  {no, no, ending, draining, no},
		ending:   {no, no, no, draining, no},
		draining: {no, no, no, no, ended},
		ended:    {no, no, no, no, no},
	}
	for p, row := range table {
		for e, want := range row {
			got, ok := p.next(sessionEvent(e))
			if want == no {
				require.False(t, ok, "%v, event %d", p, e)
				require.Equal(t, p, got)
				continue
			}
			require.True(t, ok, "%v, event %d", p, e)
			require.Equal(t, want, got, "%v, event %d", p, e)
		}
	}
	require.Equal(t, "draining", draining.String())
	require.Equal(t, "phase(9)", phase(9).String())
}

func TestConnectionEveryEvent(t *testing.T) {
	type out struct {
		state connState
		step  step
	}
	const (
		h, l, c, g = connHello, connLive, connClosing, connGone
	)
	table := map[connState][6]out{
		//   hello               message             ack                 input               final          lost
		h: {{l, stepDo}, {h, stepViolation}, {h, stepViolation}, {h, stepViolation}, {c, stepDo}, {g, stepDo}},
		l: {{l, stepViolation}, {l, stepDo}, {l, stepDo}, {l, stepDo}, {c, stepDo}, {g, stepDo}},
		c: {{c, stepIgnore}, {c, stepIgnore}, {c, stepDo}, {c, stepIgnore}, {c, stepIgnore}, {g, stepDo}},
		g: {{g, stepIgnore}, {g, stepIgnore}, {g, stepIgnore}, {g, stepIgnore}, {g, stepIgnore}, {g, stepIgnore}},
	}
	for s, row := range table {
		for e, want := range row {
			state, what := s.next(connEvent(e))
			require.Equal(t, want, out{state, what}, "state %d, event %d", s, e)
		}
	}
}

func TestCloseCodes(t *testing.T) {
	want := map[Reason]int{
		ReasonExited: 1000, ReasonKilled: 1000, ReasonIdle: 1008, ReasonLifetime: 1008, ReasonRevoked: 1008,
		ReasonReplaced: 1008, ReasonDetached: 1008, ReasonShutdown: 1001, ReasonStartFailed: 1011, ReasonFault: 1011,
	}
	for _, r := range reasons {
		require.Equal(t, want[r], closeCode(r, false), r)
	}
	require.Equal(t, 1013, closeCode(ReasonStartFailed, true))
}
