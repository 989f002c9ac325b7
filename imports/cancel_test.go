package imports_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// alive reports whether a process exists and is no zombie.
func alive(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return !strings.HasPrefix(rest, "Z")
}

func pidsIn(t *testing.T, dir string) (pids []int) {
	files, err := filepath.Glob(filepath.Join(dir, "*.pid"))
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// A tree that does not want to go: it ignores signals and has left the session.
const stubborn = `cd %DIR%; trap "" HUP TERM INT
sh -c 'trap "" HUP TERM; echo $$ >a.pid; while :; do sleep 0.1; done' &
setsid sh -c 'trap "" HUP TERM; echo $$ >b.pid; while :; do sleep 0.1; done' &
echo $$ >c.pid
while :; do sleep 0.1; done`

func TestCanceledIsSaidOnlyWhenTheTreeIsGone(t *testing.T) {
	dir := t.TempDir()
	s := start(t, target(imports.Target{Importer: sh(strings.ReplaceAll(stubborn, "%DIR%", dir))}))
	id := s.upload(strings.NewReader("hello"))
	eventually(t, func() bool { return len(pidsIn(t, dir)) == 3 })
	a := s.do("POST", "/db/"+id+"/cancel", nil)
	require.Equal(t, 202, a.StatusCode)
	require.Equal(t, "../"+id, a.Header.Get("Location"))
	require.True(t, parseSnapshot(t, a.body).CancelRequested)
	v := s.ended(id)
	for _, pid := range pidsIn(t, dir) {
		require.False(t, alive(pid), "process %d outlived its canceled import", pid)
	}
	require.Equal(t, "canceled", v.Outcome)
	require.True(t, v.Retryable)
	require.Equal(t, 202, s.do("POST", "/db/"+id+"/cancel", nil).StatusCode, "idempotent")
}

func TestCancelOfAFeedingCommandDoesNotLetItCommit(t *testing.T) {
	file := filepath.Join(t.TempDir(), "committed")
	s := start(t, target(imports.Target{Importer: sh("dd bs=1k count=1 of=/dev/null; sleep 1000; cat >/dev/null; touch " + file)}))
	id := s.upload(strings.NewReader(strings.Repeat("x", 8<<20)))
	s.await(id, func(v snapshot) bool { return v.Progress.Stored > 0 })
	s.do("POST", "/db/"+id+"/cancel", nil)
	require.Equal(t, "canceled", s.ended(id).Outcome)
	require.NoFileExists(t, file)
}

func TestBackgroundProcessesOfACommandAreEnded(t *testing.T) {
	dir := t.TempDir()
	s := start(t, target(imports.Target{Importer: sh("cat >/dev/null; sleep 1000 & echo $! >" + dir + "/a.pid; exit 0")}))
	id := s.upload(strings.NewReader("hello"))
	require.Equal(t, "succeeded", s.ended(id).Outcome)
	for _, pid := range pidsIn(t, dir) {
		require.False(t, alive(pid))
	}
}

func TestCancelWhileQueuedAndWhileReceiving(t *testing.T) {
	script, file := waiting(t)
	s := start(t, target(imports.Target{Importer: sh(script)}), func(c *imports.Config) { c.Slots = 1 })
	first := s.upload(strings.NewReader("one"))
	second := s.upload(strings.NewReader("two"))
	require.Equal(t, 1, *s.snapshot(second).Position)
	require.Equal(t, 202, s.do("POST", "/db/"+second+"/cancel", nil).StatusCode)
	require.Equal(t, "canceled", s.snapshot(second).Outcome)

	a := s.do("POST", "/db", nil, "Upload-Complete", "?0", "Upload-Length", "10")
	require.Equal(t, 201, a.StatusCode)
	third := parseSnapshot(t, a.body).ID
	require.Equal(t, 202, s.do("POST", "/db/"+third+"/cancel", nil).StatusCode)
	require.Equal(t, "canceled", s.snapshot(third).Outcome)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, "succeeded", s.ended(first).Outcome)
	require.Equal(t, "canceled", s.snapshot(second).Outcome)
}

func TestRetryTakesTheSameBytes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ok")
	s := start(t, target(imports.Target{Importer: sh("cat >/dev/null; echo broken >&2; [ -e " + file + " ]")}))
	id := s.upload(strings.NewReader("hello"))
	v := s.ended(id)
	require.Equal(t, "failed", v.Outcome)
	require.Equal(t, 1, *v.Exit.Code)
	require.Equal(t, "broken", v.Problem.Detail)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.Equal(t, 202, s.do("POST", "/db/"+id+"/retry", nil).StatusCode)
	v = s.ended(id)
	require.Equal(t, "succeeded", v.Outcome)
	require.Equal(t, 2, v.Attempt)
	events := s.events(id, "")
	require.Len(t, ofType(events, "end"), 1, "the end of the first attempt does not end the stream")
	require.Equal(t, "succeeded", events[len(events)-1].Outcome)
	require.Equal(t, 409, s.do("POST", "/db/"+id+"/retry", nil).StatusCode)
	s.onlyRecords(id)
}

// A helper that outlives the command by a moment still prints what it holds.
func TestOutputOfAHelperIsNotCutOff(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("cat >/dev/null; (trap '' HUP; sleep 0.2; echo late) & exit 0")}))
	id := s.upload(strings.NewReader("hello"))
	require.Equal(t, "succeeded", s.ended(id).Outcome)
	require.Contains(t, string(s.do("GET", "/db/"+id+"/log", nil).body), "late")
}
