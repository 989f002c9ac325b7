package imports

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestQueue(t *testing.T) {
	a, b, c, d := &job{id: "a"}, &job{id: "b"}, &job{id: "c"}, &job{id: "d"}
	q := queue{slots: 2, running: map[string]int{}, waiting: []queued{
		{a, "x", true}, {b, "x", true}, {c, "y", false}, {d, "y", false},
	}}
	take := func() *job { j, _ := q.next(); return j }
	require.Same(t, a, take())
	require.Same(t, c, take(), "who waits for a lock does not hold up the others")
	require.Nil(t, take(), "no slot")
	require.Equal(t, 1, q.position(b))
	require.Equal(t, 2, q.position(d))
	q.free("y")
	require.Same(t, d, take(), "the lock is still held")
	q.free("x")
	require.Same(t, b, take())
	require.Zero(t, q.position(b))
	q.free("x")
	q.free("y")
	require.Empty(t, q.running)
	require.Zero(t, q.busy)
	q.waiting = []queued{{a, "x", false}}
	require.True(t, q.remove(a))
	require.False(t, q.remove(a))
	q.waiting = []queued{{a, "x", false}}
	q.closed = true
	require.Nil(t, take(), "nothing starts while the server goes down")
}
