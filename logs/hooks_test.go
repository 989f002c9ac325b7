package logs_test

import (
	"bytes"
	"context"
	"net/http"
	"os/exec"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/logs"
)

// A hook that panics before the stream begins is answered.
func TestPanickingHooksAreAnswered(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path), "probe": panickingProbe{}},
		Lookup:  func(context.Context, string) (logs.Source, error) { panic("host bug") },
	})
	for _, name := range []string{"looked-up", "probe"} {
		status, body := s.status(http.MethodGet, "/logs/"+name)
		require.Equal(t, http.StatusServiceUnavailable, status, name)
		require.NotContains(t, body, "host bug")
	}
	require.Equal(t, []string{"a"}, s.dial("").lines(1))
}

type panickingProbe struct{ panicSource }

func (panickingProbe) Probe(context.Context) error { panic("host bug") }

// What Redact did not come to an end with is shown to nobody, wherever it was
// called: in the hub's goroutine, in those that read a command, or in a
// viewer's own. The stream ends as a fault, and the next viewer tries again.
func TestPanickingRedact(t *testing.T) {
	t.Parallel()
	l := newLog(t, "secret of the past")
	var well atomic.Bool
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{
			"app": logs.File(l.path),
			"command": logs.Command(func(context.Context) *exec.Cmd {
				return exec.Command("sh", "-c", "echo fine; echo secret; echo fine; exec cat")
			}),
		},
		Redact: func(line []byte) []byte {
			if !well.Load() && bytes.HasPrefix(line, []byte("secret")) {
				panic("host bug")
			}
			return line
		},
	})
	for _, c := range []struct{ name, query string }{
		{"app", "tail=1"},          // a viewer's own history
		{"app", "grep=x"},          // and its search
		{"app", "tail=1&follow=0"}, // and its download
		{"command", "tail=0"},      // the goroutines of a command
	} {
		end, before := s.dialName(c.name, c.query).until("end")
		require.Equal(t, "fault", end.Why, "%v", c)
		for _, m := range before {
			require.NotContains(t, string(m.Lines), "secret")
		}
	}
	live := s.dial("tail=0")
	live.until("hello")
	l.add("secret now")
	end, _ := live.until("end")
	require.Equal(t, "fault", end.Why)

	well.Store(true)
	require.Equal(t, []string{"secret of the past", "secret now"}, s.dial("").lines(2))
	require.Equal(t, []string{"fine", "secret", "fine"}, s.dialName("command", "").lines(3))
}

// A source that has failed is tried again by the next viewer, however soon it
// comes: viewers that keep asking must not keep the dead one alive.
func TestFailedSourceIsTriedAgain(t *testing.T) {
	t.Parallel()
	var lives atomic.Int64
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": failsOnce{&lives}}})
	end, _ := s.dial("").until("end")
	require.Equal(t, "fault", end.Why)
	require.Equal(t, []string{"one", "two"}, s.dial("").lines(2))
	require.EqualValues(t, 2, lives.Load())
}

type failsOnce struct{ lives *atomic.Int64 }

func (f failsOnce) Follow(ctx context.Context, from logs.Position, out logs.Sink) error {
	if f.lives.Add(1) == 1 {
		return context.DeadlineExceeded
	}
	return lazySource{}.Follow(ctx, from, out)
}
