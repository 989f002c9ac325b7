package terminal

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestInputQueueKeepsOrderAndBound(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var q inputQueue
	var in, out bytes.Buffer
	for i := range 5000 {
		b := bytes.Repeat([]byte{byte(i)}, rnd.IntN(20_000))
		n := q.push(b)
		in.Write(b[:n])
		require.LessOrEqual(t, q.len(), queueMax)
		require.True(t, n == len(b) || q.len() == queueMax, "refuses although there is room")
		chunk := make([]byte, rnd.IntN(20_000))
		n = q.peek(chunk)
		out.Write(chunk[:n])
		q.pop(n)
		require.LessOrEqual(t, cap(q.buf), 4*queueMax)
	}
	rest := make([]byte, q.len())
	q.pop(q.peek(rest))
	out.Write(rest)
	require.True(t, bytes.Equal(in.Bytes(), out.Bytes()))
	require.Nil(t, q.buf, "an idle session keeps no queue")
}

func TestClientsAreRememberedWithinABound(t *testing.T) {
	m := map[string]*client{}
	t0 := time.Now()
	first := clientFor(m, "first", t0)
	first.accepted, first.attached = 7, 1
	for i := range 3 * clientsMax {
		clientFor(m, fmt.Sprint(i), t0.Add(time.Duration(i)*time.Second))
	}
	require.LessOrEqual(t, len(m), clientsMax)
	require.Same(t, first, clientFor(m, "first", t0), "an attached client is not forgotten")
	require.Contains(t, m, fmt.Sprint(3*clientsMax-1), "nor is the newest")
	require.Contains(t, m, fmt.Sprint(3*clientsMax-2), "or the one before; the oldest is")
	clientFor(m, "", t0).accepted = 9
	require.Zero(t, clientFor(m, "", t0).accepted, "a nameless client is nobody")
}
