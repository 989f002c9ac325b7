package terminal

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFlowAck(t *testing.T) {
	f := flow{window: 100}
	f.open(1000)
	require.EqualValues(t, 100, f.room())
	f.take(70)
	require.EqualValues(t, 30, f.room())
	for _, c := range []struct {
		name         string
		off          int64
		advanced, ok bool
	}{
		{"behind the start: of bytes that a reset replaced", 900, false, true},
		{"again", 1000, false, true},
		{"forward", 1040, true, true},
		{"beyond what was sent", 1071, false, false},
		{"negative", -1, false, false},
		{"all", 1070, true, true},
	} {
		advanced, ok := f.ack(c.off)
		require.Equal(t, c.advanced, advanced, c.name)
		require.Equal(t, c.ok, ok, c.name)
	}
	require.EqualValues(t, 100, f.room())
}

func TestFlowOfTheRawDialectAcknowledgesItself(t *testing.T) {
	f := flow{implicit: true}
	f.take(500)
	require.Zero(t, f.acked)
	f.delivered()
	require.EqualValues(t, 500, f.acked)
}

func TestReadPolicy(t *testing.T) {
	const unlimited = 1<<63 - 1
	at := func(acked int64) *flow { return &flow{acked: acked, sent: acked, window: 100} }
	for _, c := range []struct {
		name string
		p    readPolicy
		want int64
	}{
		{"the primary's window", readPolicy{primary: at(50), keep: 1000}, 150},
		{"viewers do not widen it", readPolicy{primary: at(50), watched: true, keep: 1000}, 150},
		{"the command is gone: what the kernel holds has room", readPolicy{primary: at(50), draining: true, keep: 1000}, 1050 + drainRoom},
		{"gone while nobody is there", readPolicy{acked: 50, draining: true, keep: 1000}, 1050 + drainRoom},
		{"raw", readPolicy{primary: &flow{acked: 50, implicit: true}, keep: 1000}, 50 + windowDefault},
		{"nobody: the ring fills", readPolicy{acked: 50, keep: 1000}, 1050},
		{"nobody, discard", readPolicy{acked: 50, keep: 1000, discard: true}, unlimited},
		{"only viewers: read on", readPolicy{acked: 50, keep: 1000, watched: true}, unlimited},
	} {
		require.Equal(t, c.want, c.p.limit(), c.name)
	}
}
