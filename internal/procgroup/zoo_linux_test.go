package procgroup_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pruvon/pruvon/internal/procgroup"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newToken returns an argument for sleep that no other process has. What a
// failed test leaves of them is removed.
func newToken(t testing.TB) string {
	token := fmt.Sprintf("86400.%09d", rand.IntN(1e9))
	t.Cleanup(func() { killAll(t, animals(token)) })
	return token
}

// quick keeps the ladder short: what it does matters here, not how patiently.
func quick(cgroup string) procgroup.Config {
	return procgroup.Config{
		Cgroup: cgroup, HangupGrace: 50 * time.Millisecond, TermGrace: 50 * time.Millisecond, KillWait: patience,
	}
}

var holders = []struct{ name, cgroup string }{{"cgroup", ""}, {"session and mark", "-"}}

func TestNothingOfATerminalIsLeft(t *testing.T) {
	for _, h := range holders {
		t.Run(h.name, func(t *testing.T) {
			m := newManager(t, quick(h.cgroup))
			for range full(100) {
				token := newToken(t)
				g, master, err := zoo(m, token, procgroup.Spec{})
				require.NoError(t, err)
				eventually(t, "the zoo is full", func() bool { return len(animals(token)) == zooSize })
				assert.Zero(t, end(t, g))
				assert.Empty(t, animals(token))
				require.NoError(t, master.Close())
			}
		})
	}
}

// The same when the shell has gone first, by hangup of its terminal.
func TestNothingIsLeftAfterTheLeaderHasExited(t *testing.T) {
	for _, h := range holders {
		t.Run(h.name, func(t *testing.T) {
			m := newManager(t, quick(h.cgroup))
			token := newToken(t)
			g, master, err := zoo(m, token, procgroup.Spec{})
			require.NoError(t, err)
			eventually(t, "the zoo is full", func() bool { return len(animals(token)) == zooSize })
			require.NoError(t, master.Close())
			awaitDone(t, g)
			require.NotEmpty(t, animals(token), "a hangup alone does not end them")
			assert.Zero(t, end(t, g))
			assert.Empty(t, animals(token))
		})
	}
}

func TestKeepDaemonsKeepsWhatLeftTheSession(t *testing.T) {
	for _, h := range holders {
		t.Run(h.name, func(t *testing.T) {
			m := newManager(t, quick(h.cgroup))
			token := newToken(t)
			g, master, err := zoo(m, token, procgroup.Spec{KeepDaemons: true})
			require.NoError(t, err)
			eventually(t, "the zoo is full", func() bool { return len(animals(token)) == zooSize })
			assert.Equal(t, 2, end(t, g), "setsid and double fork")
			left := animals(token)
			assert.Len(t, left, 2)
			require.NoError(t, master.Close())
			killAll(t, left)
			eventually(t, "the kept ones are gone", func() bool { return len(animals(token)) == 0 })
		})
	}
}
