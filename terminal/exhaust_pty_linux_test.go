package terminal_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

const ptysEnv = "PRUVON_TEST_PTYS"

// smallDevpts is how many pseudo-terminals there are in the test below.
const smallDevpts = 5

// A devpts of its own, five terminals large (mount(8), "max=" of devpts), is
// used up and comes back.
func TestPseudoTerminalsRunOut(t *testing.T) {
	if os.Getenv(ptysEnv) != "" {
		usePtysUp(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPseudoTerminalsRunOut$", "-test.v")
	cmd.Env = append(os.Environ(), ptysEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

func usePtysUp(t *testing.T) {
	require.NoError(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	require.NoError(t, syscall.Mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666,max=5"))
	require.NoError(t, syscall.Mount("/dev/pts/ptmx", "/dev/ptmx", "", syscall.MS_BIND, ""))
	// A place that a refusal keeps is missed by the next ones. An ended session
	// gives its own back a little after its terminal.
	s := serve(t, shell(`echo up; exec cat`), func(c *terminal.Config) {
		c.Limits = terminal.Limits{Total: 2 * smallDevpts, PerUser: -1, PerAddr: -1, Handshakes: smallDevpts}
	})
	s.http.Config.Handler.(*http.ServeMux).HandleFunc("GET /host", func(http.ResponseWriter, *http.Request) {})

	open := func(n int) []*client {
		all := make([]*client, n)
		for i := range all {
			all[i] = s.open("")
			all[i].shows("up")
		}
		return all
	}
	clients := open(smallDevpts)
	require.Equal(t, smallDevpts, ptys(t))
	refusedForWantOfAPty(t, s)
	hostGoesOn(t, s)

	before := descriptors(t)
	var slowest time.Duration
	for range 50 {
		slowest = max(slowest, refusedForWantOfAPty(t, s))
	}
	t.Logf("the slowest of 50 refusals took %v", slowest)
	eventually(t, "no descriptor is kept by a refusal", func() bool { return descriptors(t) <= before })
	require.Equal(t, smallDevpts, ptys(t))

	// Whoever has a session is let in, to come back to it.
	more := s.connect()
	more.send(`{"type":"hello","cols":80,"rows":24}`)
	require.Equal(t, websocket.StatusTryAgainLater, more.ended().Code)
	require.Equal(t, "start_failed", more.exit.Reason)
	require.True(t, more.exit.Retryable)
	require.Positive(t, more.exit.RetryAfter)
	s.leave(clients[0])
	clients[0] = s.open(`{"type":"hello","cols":80,"rows":24,"session":"` + clients[0].ready.Session + `","offset":0}`)
	for _, c := range clients {
		c.typed("still here\n")
		c.shows("still here")
	}

	clients[0].typed("\x04")
	require.Equal(t, websocket.StatusNormalClosure, clients[0].ended().Code)
	eventually(t, "its terminal is free", func() bool { return ptys(t) == smallDevpts-1 })
	clients[0] = open(1)[0]
	refusedForWantOfAPty(t, s)
	for _, c := range clients {
		c.typed("\x04")
		require.Equal(t, websocket.StatusNormalClosure, c.ended().Code)
	}
	eventually(t, "all are free", func() bool { return ptys(t) == 0 && len(sessions(s.Handler)) == 0 })
	for _, c := range open(smallDevpts) {
		require.NoError(t, s.Kill(c.ready.Session))
		c.ended()
	}
	eventually(t, "all are free again", func() bool { return ptys(t) == 0 })
}

// refusedForWantOfAPty has no terminal given to a user without a session, in
// either dialect, and returns how long the slower answer took.
func refusedForWantOfAPty(t *testing.T, s *server) (slowest time.Duration) {
	t.Helper()
	for _, protocols := range [][]string{nil, {terminal.Subprotocol}} {
		start := time.Now()
		_, resp, err := s.dial(s.url(), protocols, as("bob"))
		slowest = max(slowest, time.Since(start))
		require.Error(t, err)
		require.NotNil(t, resp, "%v", err)
		require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
		require.NotEmpty(t, resp.Header.Get("Retry-After"))
		var problem struct{ Type, Detail string }
		require.NoError(t, json.NewDecoder(resp.Body).Decode(&problem))
		require.Equal(t, "urn:pruvon:problem:exhausted", problem.Type)
		require.NotContains(t, problem.Detail, "/dev", "the cause is for the log")
	}
	return slowest
}

// hostGoesOn asks the rest of the server.
func hostGoesOn(t *testing.T, s *server) {
	t.Helper()
	for path, want := range map[string]int{"/host": 200, "/terminals": 200, "/terminals/t": http.StatusUpgradeRequired} {
		req, err := http.NewRequest(http.MethodGet, s.http.URL+path, nil)
		require.NoError(t, err)
		req.Header.Set("X-Test-User", "ann")
		resp, err := s.http.Client().Do(req)
		require.NoError(t, err)
		_ = resp.Body.Close()
		require.Equal(t, want, resp.StatusCode, path)
	}
	s.http.Client().CloseIdleConnections()
}

// ptys counts the pseudo-terminals that are open.
func ptys(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/dev/pts")
	require.NoError(t, err)
	n := 0
	for _, e := range d {
		if !strings.HasPrefix(e.Name(), "ptmx") {
			n++
		}
	}
	return n
}

// descriptors counts this process's own.
func descriptors(t *testing.T) int {
	t.Helper()
	d, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(d)
}
