package imports_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// TestKillAfterEachChangeOnDisk kills a server with SIGKILL after the n-th
// change it makes on disk, for each n until it gets through, and then looks at
// what the next start makes of that.
func TestKillAfterEachChangeOnDisk(t *testing.T) {
	step := 9
	if os.Getenv("PRUVON_FULL") != "" {
		step = 1
	}
	killed := 0
	for n := 1; ; n += step {
		require.Less(t, n, 2000, "the scenario does not end")
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), "PRUVON_TEST_ROLE=crash", "PRUVON_TEST_DIR="+dir, fmt.Sprint("PRUVON_TEST_FAULT=", n))
		out, err := cmd.CombinedOutput()
		if err == nil {
			break
		}
		var exit *exec.ExitError
		require.True(t, errors.As(err, &exit))
		require.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal(), "n=%d: %s", n, out)
		killed++
		explain(t, n, dir)
	}
	require.Greater(t, killed, 10)
	t.Logf("killed %d times", killed)
}

// explain starts a server on what the killed one has left.
func explain(t *testing.T, n int, dir string) {
	cfg := crashConfig(dir, "true")
	s := startConfig(t, cfg)
	for v := range s.h.Imports() {
		require.NotEqual(t, imports.StateReady, v.State, "n=%d", n)
	}
	eventually(t, func() bool {
		for v := range s.h.Imports() {
			if v.State != imports.StateDone && v.State != imports.StateReceiving {
				return false
			}
		}
		return true
	})
	known := map[string]imports.Snapshot{}
	for v := range s.h.Imports() {
		known[v.ID] = v
		if v.State == imports.StateReceiving {
			require.True(t, v.Resumable, "n=%d", n)
		}
		s.tellsItsEnd(n, v)
	}
	for _, line := range lines(filepath.Join(dir, "promised")) {
		f := strings.Fields(line)
		if _, ok := known[f[2]]; !ok && f[1] != "slow" { // that one is deleted in the end
			t.Errorf("n=%d: the import %v was promised and is not known", n, f)
		}
	}
	ran := map[string]int{}
	for _, line := range lines(filepath.Join(dir, "ledger")) {
		ran[line]++
		require.Equal(t, 1, ran[line], "n=%d: the attempt %s was imported twice", n, line)
		id, attempt, _ := strings.Cut(line, " ")
		if v, ok := known[id]; ok {
			require.Equal(t, imports.StateDone, v.State, "n=%d", n)
			k, err := strconv.Atoi(attempt)
			require.NoError(t, err)
			require.LessOrEqual(t, k, v.Attempt, "n=%d", n)
		}
	}
	s.shutdown(0)
	for id, v := range known {
		if v.State == imports.StateDone && !v.Retryable {
			require.NoFileExists(t, filepath.Join(cfg.Dir, "jobs", id, "data"), "n=%d: bytes that nobody can use: %s", n, v.Outcome)
		}
	}
	tmp, err := filepath.Glob(filepath.Join(cfg.Dir, "jobs", "*", "*.tmp"))
	require.NoError(t, err)
	require.Empty(t, tmp, "n=%d", n)
	noProcessBelow(t, dir)
}

// tellsItsEnd checks that the events of an ended import end, once.
func (s *server) tellsItsEnd(n int, v imports.Snapshot) {
	if v.State != imports.StateDone {
		return
	}
	a := s.do("GET", "/"+v.Target+"/"+v.ID+"/events", nil)
	require.Equal(s.t, 200, a.StatusCode)
	events := parseEvents(s.t, a.body)
	require.Equal(s.t, "end", events[len(events)-1].Type, "n=%d", n)
	require.Len(s.t, ofType(events, "end"), 1, "n=%d", n)
	require.Equal(s.t, string(v.Outcome), events[len(events)-1].Outcome, "n=%d", n)
}

func lines(file string) []string {
	b, _ := os.ReadFile(file)
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")[:strings.Count(string(b), "\n")]
}

// What is not queued does not start by itself, and what was running says so.
func TestInterruptedIsSaidAndRetried(t *testing.T) {
	dir := t.TempDir()
	cfg := crashConfig(dir, "sleep 1000")
	s := startConfig(t, cfg)
	a := s.do("POST", "/slow", strings.NewReader("hello"))
	require.Equal(t, 202, a.StatusCode)
	id := parseSnapshot(t, a.body).ID
	eventually(t, func() bool { return len(lines(filepath.Join(dir, "ledger"))) == 1 })
	a = s.do("POST", "/db", strings.NewReader("queued behind it"))
	require.Equal(t, 202, a.StatusCode)
	queued := parseSnapshot(t, a.body).ID
	s.shutdown(0)

	// The same directory under other management: the slow target is quick now.
	slow := cfg.Targets["slow"]
	slow.Importer = sh("cat")
	cfg.Targets = map[string]imports.Target{"slow": slow, "db": cfg.Targets["db"]}
	s = startConfig(t, cfg)
	a = s.do("GET", "/slow/"+id, nil)
	v := parseSnapshot(t, a.body)
	require.Equal(t, "interrupted", v.Outcome)
	require.True(t, v.Retryable)
	eventually(t, func() bool {
		a := s.do("GET", "/db/"+queued, nil)
		return parseSnapshot(t, a.body).Outcome == "succeeded"
	})
	require.Equal(t, 202, s.do("POST", "/slow/"+id+"/retry", nil).StatusCode)
	eventually(t, func() bool {
		return parseSnapshot(t, s.do("GET", "/slow/"+id, nil).body).Outcome == "succeeded"
	})
	log := s.do("GET", "/slow/"+id+"/log", nil)
	require.Equal(t, "hello\n", strings.TrimRight(string(log.body), "\n")+"\n")
}

func TestOneDirectoryOneProcess(t *testing.T) {
	cfg := newConfig(t)
	startConfig(t, cfg)
	_, err := imports.New(cfg)
	require.ErrorContains(t, err, "another process")
}
