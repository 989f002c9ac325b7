package logs_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

func TestBadRequestsHaveClearAnswers(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serveFile(t, l.path)
	const problem = "urn:pruvon:problem:"
	for name, c := range map[string]struct {
		method, path string
		status       int
		kind         string
	}{
		"unknown name":          {"GET", "/logs/other", 404, "not-found"},
		"traversal":             {"GET", "/logs/..%2f..%2fetc%2fpasswd", 404, "not-found"},
		"dots":                  {"GET", "/logs/%2e%2e", 404, "not-found"},
		"NUL":                   {"GET", "/logs/app%00", 404, "not-found"},
		"option":                {"GET", "/logs/-f", 404, "not-found"},
		"method":                {"POST", "/logs/app", 405, "method-not-allowed"},
		"negative tail":         {"GET", "/logs/app?tail=-1", 400, "bad-request"},
		"huge tail":             {"GET", "/logs/app?tail=1000000000000", 400, "bad-request"},
		"tail beyond int":       {"GET", "/logs/app?tail=99999999999999999999999", 400, "bad-request"},
		"tail of words":         {"GET", "/logs/app?tail=many", 400, "bad-request"},
		"tail twice":            {"GET", "/logs/app?tail=1&tail=2", 400, "bad-request"},
		"forged cursor":         {"GET", "/logs/app?cursor=AAAA", 400, "bad-cursor"},
		"cursor no base64":      {"GET", "/logs/app?cursor=%21", 400, "bad-cursor"},
		"cursor beyond any":     {"GET", "/logs/app?cursor=" + strings.Repeat("A", 100_000), 400, "bad-cursor"},
		"forged to":             {"GET", "/logs/app?to=AAAA", 400, "bad-cursor"},
		"grep no expression":    {"GET", "/logs/app?grep=%28", 400, "bad-request"},
		"grep too long":         {"GET", "/logs/app?grep=" + strings.Repeat("a", 1025), 400, "bad-request"},
		"grep program too long": {"GET", "/logs/app?grep=" + escape("((a{100}){100}){100}"), 400, "bad-request"},
		"grep backreference":    {"GET", "/logs/app?grep=" + escape(`(a)\1`), 400, "bad-request"},
		"level":                 {"GET", "/logs/app?level=loud", 400, "bad-request"},
		"since":                 {"GET", "/logs/app?since=yesterday", 400, "bad-request"},
		"negative since":        {"GET", "/logs/app?since=-5m", 400, "bad-request"},
		"follow":                {"GET", "/logs/app?follow=maybe", 400, "bad-request"},
		"broken query":          {"GET", "/logs/app?%zz", 400, "bad-request"},
	} {
		t.Run(name, func(t *testing.T) {
			status, kind := s.status(c.method, c.path)
			require.Equal(t, c.status, status)
			require.Equal(t, problem+c.kind, kind)
		})
	}
}

// (a|a)*b backtracks for ever elsewhere; RE2 does not.
func TestGrepBombIsHarmless(t *testing.T) {
	t.Parallel()
	l := newLog(t, strings.Repeat("a", 60_000), "ab")
	s := serveFile(t, l.path)
	require.Equal(t, "ab\n", s.text("follow=0&tail=all&grep="+escape(`^(a|a)*b$`)))
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret\n"), 0o600))
	fifo, link, folder := filepath.Join(dir, "fifo"), filepath.Join(dir, "link"), filepath.Join(dir, "folder")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Symlink(outside, link))
	require.NoError(t, os.Mkdir(folder, 0o700))
	s := serve(t, logs.Config{Sources: map[string]logs.Source{
		"fifo": logs.File(fifo), "link": logs.File(link), "folder": logs.File(folder), "device": logs.File("/dev/zero"),
	}})
	for _, name := range []string{"fifo", "link", "folder", "device"} {
		status, kind := s.status("GET", "/logs/"+name)
		require.Equal(t, 503, status, name)
		require.Equal(t, "urn:pruvon:problem:source-unavailable", kind, name)
	}
}

func TestSymlinkWithinTheFolderIsFollowedAndSwapped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, link := filepath.Join(dir, "b"), filepath.Join(dir, "app.log")
	a := &logFile{t: t, path: filepath.Join(dir, "a")}
	a.reopen()
	defer a.f.Close()
	a.add("in a")
	require.NoError(t, os.WriteFile(b, []byte("in b\n"), 0o600))
	require.NoError(t, os.Symlink("a", link))
	s := serveFile(t, link)
	c := s.dial("")
	require.Equal(t, []string{"in a"}, c.lines(1))
	a.warm(c)
	require.NoError(t, os.Symlink("b", link+".new"))
	require.NoError(t, os.Rename(link+".new", link))
	require.Equal(t, []string{"in b"}, c.lines(1))
}

func TestSymlinkSwappedToTheOutsideShowsNothingOfIt(t *testing.T) {
	t.Parallel()
	l := newLog(t, "mine")
	secret := filepath.Join(t.TempDir(), "shadow")
	require.NoError(t, os.WriteFile(secret, []byte("root:secret\n"), 0o600))
	s := serveFile(t, l.path)
	c := s.dial("")
	require.Equal(t, []string{"mine"}, c.lines(1))
	require.NoError(t, os.Symlink(secret, l.path+".new"))
	require.NoError(t, os.Rename(l.path+".new", l.path))
	end, before := c.until("end")
	require.Equal(t, "fault", end.Why)
	for _, m := range before {
		require.NotEqual(t, "lines", m.Type)
	}
}

func TestMissingFileIsWaitedFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "later.log")
	s := serveFile(t, path)
	c := s.dial("")
	c.until("hello")
	require.NoError(t, os.WriteFile(path, []byte("first\n"), 0o600))
	require.Equal(t, []string{"first"}, c.lines(1))
}

func TestDeniedBeforeTheNameIsLookedAt(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	s := serve(t, logs.Config{
		Sources:   map[string]logs.Source{"app": logs.File(l.path)},
		Authorize: func(*http.Request, logs.Resource) (logs.Access, error) { return logs.Access{}, logs.ErrDenied },
	})
	for _, path := range []string{"/logs/app", "/logs/unknown", "/logs"} {
		status, _ := s.status("GET", path)
		require.Equal(t, 403, status, path)
	}
}

func TestListAndHead(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"b": logs.File(l.path), "a": logs.NewWriter()},
		Titles:  map[string]string{"a": "Activity"},
	})
	resp := s.get(context.Background(), "/logs", "")
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.JSONEq(t, `{"logs":[{"name":"a","title":"Activity"},{"name":"b","title":"b"}]}`, string(b))
	status, _ := s.status("HEAD", "/logs/a")
	require.Equal(t, 200, status)
}

func TestStrippedUpgradeSaysWhatNginxNeeds(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	s := serveFile(t, l.path)
	req, err := http.NewRequest("GET", s.http.URL+"/logs/app", nil)
	require.NoError(t, err)
	req.Header.Set("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	require.Equal(t, 426, resp.StatusCode)
	require.Contains(t, string(b), "proxy_set_header Upgrade $http_upgrade")
}

func TestRevokedWhileWatching(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serveFile(t, l.path)
	c := s.dial("")
	c.lines(1)
	eventually(t, func() bool { return s.handler.Revoke("operator") == 1 })
	end, _ := c.until("end")
	require.Equal(t, "denied", end.Why)
	require.Error(t, c.end())
	require.EqualValues(t, 1008, c.closed())
}

func TestShutdownTellsViewersToComeBack(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serveFile(t, l.path)
	ws, nd := s.dial(""), s.stream("")
	ws.lines(1)
	nd.lines(1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, s.handler.Shutdown(ctx))
	for _, c := range []*client{ws, nd} {
		end, _ := c.until("end")
		require.Equal(t, "shutdown", end.Why)
		require.True(t, end.Retry)
	}
	require.Error(t, ws.end())
	require.EqualValues(t, 1001, ws.closed())
	status, _ := s.status("GET", "/logs/app")
	require.Equal(t, 503, status)
}

func TestServersWriteTimeoutDoesNotCutAStream(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	cfg := logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path)}, Authorize: allowAll, Heartbeat: 50 * time.Millisecond,
	}
	s := serveWith(t, cfg, func(srv *http.Server) { srv.WriteTimeout = 200 * time.Millisecond })
	c := s.stream("")
	c.lines(1)
	for range 10 {
		m, _ := c.until("heartbeat")
		require.Zero(t, m.LagMS)
	}
}
