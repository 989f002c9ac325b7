package logs

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPaceFor(t *testing.T) {
	require.Zero(t, paceFor(0))
	require.Equal(t, 40*time.Microsecond, paceFor(1))
	require.Equal(t, 4*time.Millisecond, paceFor(100))
	require.Equal(t, 20*time.Millisecond, paceFor(10_000))
}

// pacedSink is a sink whose messages go to so many viewers.
func pacedSink(t *testing.T, viewers int) *hubSink {
	m, err := newMetrics(nil)
	require.NoError(t, err)
	h := &hub{sealer: newSealer(make([]byte, 32), "log"), meter: m.forLog("log"), wake: make(chan struct{}), ring: newRing(1<<20, firstLine)}
	h.viewers.Store(int32(viewers))
	return newHubSink(h, nil)
}

func (s *hubSink) line(t *testing.T) {
	require.NoError(t, s.Line([]byte("a line"), time.Time{}, Stdout, nil))
	require.NoError(t, s.Flush())
}

func (s *hubSink) published() int {
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	return int(s.h.ring.end() - s.h.ring.base)
}

func TestLinesToManyViewersWaitForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pacedSink(t, 100)
		defer s.stop()
		s.line(t)
		require.Equal(t, 1, s.published(), "the first after a rest waits for nothing")
		time.Sleep(time.Millisecond)
		for range 5 {
			s.line(t)
		}
		require.Equal(t, 1, s.published())
		time.Sleep(3*time.Millisecond - time.Nanosecond)
		synctest.Wait()
		require.Equal(t, 1, s.published(), "they wait for each other")
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Equal(t, 2, s.published())
		require.Len(t, s.h.ring.at(1).lines, 5)
		time.Sleep(4 * time.Millisecond)
		s.line(t)
		require.Equal(t, 3, s.published(), "a rest again")
	})
}

func TestFullMessagesAndEventsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pacedSink(t, 100)
		defer s.stop()
		s.line(t)
		for range maxSegmentLines {
			s.line(t)
		}
		require.Equal(t, 2, s.published())
		s.line(t)
		require.NoError(t, s.Note(Note{State: "rotated"}))
		require.Equal(t, 4, s.published(), "the line goes before the event")
	})
}

func TestAFewViewersWaitForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := pacedSink(t, 1)
		defer s.stop()
		for i := range 10 {
			s.line(t)
			require.Equal(t, i+1, s.published())
			time.Sleep(pacePerViewer)
		}
	})
}
