package imports_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/internal/scarce"
)

// startConfined starts a server with room for so many processes and threads.
func startConfined(t *testing.T, room int) *server {
	dir, err := os.MkdirTemp("", "imports") // not below the directory of root's tests
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PRUVON_TEST_ROLE=confined", "PRUVON_TEST_DIR="+dir)
	restore, err := scarce.Processes(cmd, room)
	require.NoError(t, err)
	if a := cmd.SysProcAttr; a != nil {
		require.NoError(t, os.Chown(dir, int(a.Credential.Uid), int(a.Credential.Gid)))
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	err = cmd.Start()
	require.NoError(t, restore())
	require.NoError(t, err)
	s := &server{t: t, dir: dir, c: &http.Client{}}
	t.Cleanup(func() {
		s.c.CloseIdleConnections()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		require.NoError(t, os.RemoveAll(dir))
	})
	_, err = fmt.Fscanln(out, new(string), &s.url)
	require.NoError(t, err)
	s.url += "/ops/imports"
	return s
}

// uploaders is how many upload at the same time.
const uploaders = 4

// When no more processes are to be had, an import whose command cannot be
// started fails with the advice to try again; the server lives, and so do the
// imports that run.
func TestProcessesRunOut(t *testing.T) {
	room := 28 + runtime.GOMAXPROCS(0)
	s := startConfined(t, room)
	for range 3 { // every time anew: what one round keeps is missed by the next
		// A few at a time: each write that waits for the disk holds a thread of
		// the host, and Go ends a process that can have no further one.
		ids := make([]string, 2*room)
		var work sync.WaitGroup
		for from := range uploaders {
			work.Go(func() {
				for i := from; i < len(ids); i += uploaders {
					ids[i] = s.upload(strings.NewReader("one\n"))
				}
			})
		}
		work.Wait()
		var running, failed []string
		for _, id := range ids {
			var v snapshot
			eventually(t, func() bool {
				v = s.snapshot(id)
				log := s.do("GET", "/db/"+id+"/log", nil)
				return v.State == string(imports.StateDone) || strings.Contains(string(log.body), "ready")
			})
			if v.State != string(imports.StateDone) {
				running = append(running, id)
				continue
			}
			require.Equal(t, string(imports.OutcomeFailed), v.Outcome)
			require.Equal(t, "the server has run out of processes or descriptors", v.Problem.Detail)
			require.True(t, v.Retryable)
			failed = append(failed, id)
		}
		t.Logf("%d run, %d failed", len(running), len(failed))
		require.NotEmpty(t, running)
		require.NotEmpty(t, failed)
		resp, err := s.c.Get(strings.TrimSuffix(s.url, "/ops/imports") + "/host")
		require.NoError(t, err, "the host goes on serving")
		_ = resp.Body.Close()
		for _, id := range running {
			require.Equal(t, http.StatusAccepted, s.do("POST", "/db/"+id+"/cancel", nil).StatusCode)
		}
		for _, id := range running {
			eventually(t, func() bool { return s.snapshot(id).State == string(imports.StateDone) })
		}
		// The advice is good.
		require.Equal(t, http.StatusAccepted, s.do("POST", "/db/"+failed[0]+"/retry", nil).StatusCode)
		eventually(t, func() bool {
			return strings.Contains(string(s.do("GET", "/db/"+failed[0]+"/log", nil).body), "ready")
		})
		require.Equal(t, http.StatusAccepted, s.do("POST", "/db/"+failed[0]+"/cancel", nil).StatusCode)
		eventually(t, func() bool { return s.snapshot(failed[0]).State == string(imports.StateDone) })
	}
}
