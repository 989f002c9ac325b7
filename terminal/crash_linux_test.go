package terminal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// After a kill -9 the next start ends what was left and gives each session its
// one end event.
func TestACrashIsCleanedUpByTheNextStart(t *testing.T) {
	dir, pids := t.TempDir(), t.TempDir()
	script := filepath.Join(pids, "script")
	require.NoError(t, os.WriteFile(script, []byte(`#!/bin/sh
trap '' HUP TERM
(trap '' HUP; echo $$-nohup > `+pids+`/a.$$; exec sleep 1000) &
echo $! > `+pids+`/$!.pid
setsid sleep 1001 &
echo $! > `+pids+`/$!.pid
echo $$ > `+pids+`/$$.pid
echo ready
read x
sleep 1002
`), 0o700))
	p := startServer(t, dir, script)
	conns := p.openMany(3)
	quit := dialPage(t, p.url, `{"type":"hello","cols":80,"rows":24}`)
	quit.waitFor(t, "ready")
	eventually(t, "started", func() bool { return p.events("start") == 4 })
	first := p.kill()
	for _, c := range conns {
		_ = c.Close()
	}
	quit.Close()

	var left []string
	files, err := filepath.Glob(pids + "/*.pid")
	require.NoError(t, err)
	for _, f := range files {
		if pid := strings.TrimSuffix(filepath.Base(f), ".pid"); alive(pid) {
			left = append(left, pid)
		}
	}
	require.NotEmpty(t, left, "the test is about processes that survive a crash")

	began := time.Now()
	again := startServer(t, dir, script)
	t.Logf("the next start took %v", time.Since(began))
	for _, pid := range left {
		require.False(t, alive(pid), "a process of the crashed server is left")
	}
	eventually(t, "end events", func() bool { return again.events("end") == 4 })
	all := append(first, again.stop()...)
	started, ended := map[string]int{}, map[string]int{}
	for _, l := range all {
		f := strings.Fields(l)
		switch f[0] {
		case "start":
			started[f[1]]++
		case "end":
			ended[f[1]]++
			require.Equal(t, "fault", f[2])
		}
	}
	require.Len(t, started, 4)
	require.Equal(t, started, ended)

	third := startServer(t, dir, script)
	require.Empty(t, third.stop(), "an end is told once")
	journals, err := filepath.Glob(filepath.Join(dir, "sessions-*"))
	require.NoError(t, err)
	require.Empty(t, journals, "a clean shutdown leaves no journal")
}
