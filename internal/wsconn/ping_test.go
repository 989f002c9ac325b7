package wsconn_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/wsconn"
)

// A pong can be stuck behind a large message of the peer's. Whoever sends
// anything at all is alive.
func TestPeerThatSendsButDoesNotPongIsKept(t *testing.T) {
	o := opts
	o.PingEvery, o.PongTimeout = 20*time.Millisecond, 100*time.Millisecond
	url, done := serve(t, o, echo)
	nc, br := rawDial(t, url)
	for pings := 0; pings < 3; {
		_, err := nc.Write(masked(fin|text, "busy"))
		require.NoError(t, err)
		kind, _, err := readFrame(br)
		require.NoError(t, err, "the peer was dropped")
		if kind == ping {
			pings++
		}
	}
	_, err := nc.Write(closeWith(1000, ""))
	require.NoError(t, err)
	assert.Equal(t, uint16(1000), closeCode(t, br))
	wait(t, done)
}

func TestBucket(t *testing.T) {
	now := time.Unix(1000, 0)
	b := wsconn.NewBucket(2, 3)
	take := func(after time.Duration, want bool) {
		t.Helper()
		now = now.Add(after)
		assert.Equal(t, want, b.Take(now))
	}
	for range 3 {
		take(0, true)
	}
	take(0, false)
	take(400*time.Millisecond, false)
	take(100*time.Millisecond, true)
	take(0, false)
	take(time.Hour, true) // and no more than the burst has gathered
	take(0, true)
	take(0, true)
	take(0, false)
}
