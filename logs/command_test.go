package logs_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

func shell(script string) logs.Source {
	return logs.Command(func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, "/bin/sh", "-c", script)
	}, logs.Backoff(20*time.Millisecond, 40*time.Millisecond))
}

func serveSource(t testing.TB, src logs.Source) *server {
	t.Helper()
	return serve(t, logs.Config{Sources: map[string]logs.Source{"app": src}, Linger: -1})
}

func TestCommandBothPipesThenEnd(t *testing.T) {
	t.Parallel()
	s := serveSource(t, shell(`echo out; echo err >&2; printf 'no newline'`))
	c := s.dial("")
	end, before := c.until("end")
	require.Equal(t, "exited", end.Why)
	require.False(t, end.Retry)
	var got []entry
	state := ""
	for _, m := range before {
		switch m.Type {
		case "lines":
			got = append(got, m.entries(t)...)
		case "source":
			state = m.State + " " + m.Detail
		}
	}
	require.Equal(t, "exited exit status 0", state)
	texts := map[string]string{}
	for _, e := range got {
		texts[e.M] = e.S
	}
	require.Equal(t, map[string]string{"out": "", "err": "err", "no newline": ""}, texts)
	require.Error(t, c.end())
	require.EqualValues(t, 1000, c.closed())
}

func TestCommandEndsWithItsLastViewerTreeAndAll(t *testing.T) {
	t.Parallel()
	s := serveSource(t, shell(`sleep 1000 & echo $! $$; wait`))
	c := s.dial("")
	pids := strings.Fields(c.lines(1)[0])
	d := s.dial("tail=all")
	require.Equal(t, pids, strings.Fields(d.lines(1)[0]), "one run for both viewers")
	c.cancel()
	d.cancel()
	for _, pid := range pids {
		eventually(t, func() bool { return !running(pid) })
	}
}

func TestCommandThatFailsIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := serveSource(t, shell(`echo run; exit 3`))
	c := s.dial("")
	require.Equal(t, []string{"run", "run", "run"}, c.lines(3))
}

func TestCommandThatIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	s := serveSource(t, logs.Command(func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, "/bin/sh", "-c", "echo run; exit 3")
	}, logs.Backoff(-1, 0)))
	c := s.dial("")
	require.Equal(t, []string{"run"}, c.lines(1))
	end, before := c.until("end")
	require.Equal(t, "fault", end.Why)
	require.Equal(t, "exit status 3", before[len(before)-1].Detail)
}

func TestCommandThatDoesNotExist(t *testing.T) {
	t.Parallel()
	s := serveSource(t, logs.Command(func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, "/nowhere/program")
	}))
	c := s.dial("")
	end, before := c.until("end")
	require.Equal(t, "fault", end.Why)
	require.Equal(t, "could not be started: command", before[len(before)-1].Detail)
	require.Error(t, c.end())
	require.EqualValues(t, 1011, c.closed())
}

func TestCommandThatFloodsStderrIsDrained(t *testing.T) {
	t.Parallel()
	s := serveSource(t, shell(`head -c 1000000 /dev/zero | tr '\0' x >&2; echo done; sleep 1000`))
	c := s.dial("")
	require.Equal(t, []string{"done"}, c.lines(1), "a long line on stderr must not block the command")
}
