package imports_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

func TestShutdownLetsAnImportFinish(t *testing.T) {
	script, file := waiting(t)
	cfg := newConfig(t, target(imports.Target{Importer: sh(script)}))
	s := startConfig(t, cfg)
	id := s.upload(strings.NewReader("hello"))
	s.await(id, func(v snapshot) bool { return v.State == "running" })
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		done <- s.h.Shutdown(ctx)
	}()
	eventually(t, func() bool { return s.do("POST", "/db", strings.NewReader("x")).StatusCode == 503 })
	require.Equal(t, "running", s.snapshot(id).State)
	touch(t, file)
	require.NoError(t, <-done)
	require.Equal(t, "succeeded", s.snapshot(id).Outcome)
	s.down = true
	s.stop()
}

func TestShutdownInterruptsWhatDoesNotFinish(t *testing.T) {
	dir := t.TempDir()
	s := start(t, target(imports.Target{Importer: sh(strings.ReplaceAll(stubborn, "%DIR%", dir))}))
	id := s.upload(strings.NewReader("hello"))
	c, _, err := s.dial("/db/"+id+"/events", imports.Subprotocol)
	require.NoError(t, err)
	eventually(t, func() bool { return len(pidsIn(t, dir)) == 3 })
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second+200*time.Millisecond)
	defer cancel()
	closed := make(chan websocket.StatusCode, 1)
	go func() {
		_, code := readAll(t, c)
		closed <- code
	}()
	require.NoError(t, s.h.Shutdown(ctx))
	// The end came first, or the goodbye did: both are true.
	require.Contains(t, []websocket.StatusCode{websocket.StatusNormalClosure, websocket.StatusGoingAway}, <-closed)
	for _, pid := range pidsIn(t, dir) {
		require.False(t, alive(pid))
	}
	v := s.snapshot(id)
	require.Equal(t, "interrupted", v.Outcome)
	require.True(t, v.Retryable)
	s.down = true
	s.stop()
}

func TestSweepAtTheStart(t *testing.T) {
	cfg := newConfig(t)
	s := startConfig(t, cfg)
	old := s.upload(strings.NewReader("hello"))
	s.ended(old)
	open := s.begin(10)
	s.shutdown(0)
	jobs := filepath.Join(cfg.Dir, "jobs")
	require.NoError(t, os.Mkdir(filepath.Join(jobs, "not-ours"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(jobs, strings.Repeat("ab", 16)), 0o700)) // a creation that a crash cut short
	require.NoError(t, os.WriteFile(filepath.Join(jobs, strings.Repeat("ab", 16), "data"), []byte("x"), 0o600))
	cfg.KeepRecords, cfg.UploadAge = time.Nanosecond, time.Nanosecond
	s = startConfig(t, cfg)
	eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(jobs, old))
		return os.IsNotExist(err)
	})
	require.Equal(t, "expired", s.ended(open).Outcome)
	require.DirExists(t, filepath.Join(jobs, "not-ours"))
	require.NoDirExists(t, filepath.Join(jobs, strings.Repeat("ab", 16)))
}

func TestWhatIsOnDiskIsPrivate(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("echo x; exit 1")}))
	s.ended(s.upload(strings.NewReader("hello")))
	require.NoError(t, filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		if err == nil {
			require.Zero(t, info.Mode().Perm()&0o077, path)
		}
		return nil
	}))
}

// Watchers that take nothing and say nothing hold up no shutdown: neither one
// whose buffers are full nor one that answers no close frame.
func TestShutdownDoesNotWaitForWatchersThatAreDeaf(t *testing.T) {
	script, file := waiting(t)
	s := start(t, target(imports.Target{Importer: sh(script + "; yes | head -c 16000000")}), func(c *imports.Config) { c.OutputBytes = 32 << 20 })
	id := s.upload(strings.NewReader("hello"))
	for range 2 {
		c, _, err := s.dial("/db/"+id+"/events", imports.Subprotocol)
		require.NoError(t, err)
		defer func() { _ = c.CloseNow() }()
		res, err := s.c.Get(s.url + "/db/" + id + "/events")
		require.NoError(t, err)
		defer res.Body.Close()
	}
	touch(t, file)
	require.Equal(t, "succeeded", s.ended(id).Outcome)
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Second)
	defer cancel()
	require.NoError(t, s.h.Shutdown(ctx))
	s.down = true
	s.stop()
}
