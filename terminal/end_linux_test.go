package terminal_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// escapes starts one process of each kind that stays behind in other
// terminals, each a sleep with the argument %[1]s, and then reads on.
const escapes = `
sleep %[1]s &
nohup sleep %[1]s >/dev/null 2>&1 &
(trap '' HUP TERM; exec sleep %[1]s) &
sleep %[1]s & until grep -q sleep /proc/$!/comm; do :; done; kill -STOP $!
setsid sleep %[1]s &
(setsid sleep %[1]s &)
trap '' HUP TERM INT
while :; do read x; done
`

const escapesAll, escapesDaemons = 6, 2

// sleepers returns the processes that sleep for so long.
func sleepers(t testing.TB, argument string) (pids []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && string(b) == "sleep\x00"+argument+"\x00" {
			pid, err := strconv.Atoi(strings.Split(name, "/")[2])
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// Whatever a session's command has started is gone when the session has ended,
// with a cgroup of its own and without; a terminal that keeps daemons keeps
// what has left the session, and counts it.
func TestNothingOfASessionIsLeft(t *testing.T) {
	runs := 1
	if full() {
		runs = 25
	}
	for _, cgroup := range []string{"", "-"} {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprintf("cgroup %q, keep daemons %v", cgroup, keep), func(t *testing.T) {
				t.Parallel()
				for range runs {
					length := fmt.Sprintf("86400.%09d", rand.IntN(1e9))
					term := shell(fmt.Sprintf(escapes, length))
					term.KeepDaemons = keep
					s := serve(t, term, func(c *terminal.Config) { c.Cgroup = cgroup })
					c := s.open("")
					eventually(t, "all of them", func() bool { return len(sleepers(t, length)) == escapesAll })
					require.NoError(t, s.Kill(c.ready.Session))
					c.ended()
					eventually(t, "the end", func() bool { return len(s.events.of("end")) == 1 })
					left := sleepers(t, length)
					want := 0
					if keep {
						want = escapesDaemons
					}
					require.Len(t, left, want)
					require.Contains(t, s.events.of("end")[0].Detail, fmt.Sprintf("%d processes left", want))
					for _, pid := range left {
						_ = syscall.Kill(pid, syscall.SIGKILL)
					}
				}
			})
		}
	}
}
