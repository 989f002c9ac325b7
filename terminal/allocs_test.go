package terminal_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Output flows without allocating: no message, no acknowledgement.
func TestOutputDoesNotAllocate(t *testing.T) {
	s := serve(t, shell(`exec yes 'some text that a program writes'`))
	p := dialPage(t, s.url(), `{"type":"hello","cols":80,"rows":24}`)
	defer p.Close()
	read := func(frames int) {
		for end := p.frames + frames; p.frames < end; {
			_, _, err := p.next(nil)
			require.NoError(t, err)
		}
	}
	read(300) // the ring has grown and the pools are filled
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := p.frames
	read(1000)
	runtime.ReadMemStats(&after)
	each := float64(after.Mallocs-before.Mallocs) / float64(p.frames-start)
	t.Logf("%.3f allocations a message", each)
	if !raceEnabled {
		require.Less(t, each, 0.1)
	}
}
