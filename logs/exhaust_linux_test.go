package logs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/scarce"
)

// When no more processes are to be had, a log whose command cannot be started
// says so and that it may be tried again; the server lives, and so do its logs.
func TestProcessesRunOut(t *testing.T) {
	room := 28 + runtime.GOMAXPROCS(0)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), confined+"=1")
	restore, err := scarce.Processes(cmd, room)
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	err = cmd.Start()
	require.NoError(t, restore())
	require.NoError(t, err)
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	var addr string
	_, err = fmt.Fscanln(out, new(string), &addr)
	require.NoError(t, err)
	s := &server{t: t, http: &httptest.Server{URL: "http://" + addr}}
	for range 3 { // every time anew: what one round keeps is missed by the next
		clients := make([]*client, 5*room)
		var work sync.WaitGroup
		for i := range clients {
			work.Go(func() { clients[i] = s.dialName(fmt.Sprint("log", i), "") })
		}
		work.Wait()
		started, refused := 0, 0
		for _, c := range clients {
			for m := c.read(); ; m = c.read() {
				if m.Type == "lines" {
					require.Equal(t, "ready", m.entries(t)[0].M)
					started++
					break
				}
				if m.Type == "end" {
					require.Equal(t, "fault", m.Why)
					require.True(t, m.Retry)
					refused++
					break
				}
				if m.Type == "source" {
					require.Equal(t, "could not be started: resources", m.Detail)
				}
			}
		}
		t.Logf("%d started, %d refused", started, refused)
		require.NotZero(t, started)
		require.NotZero(t, refused)
		resp, err := http.Get(s.http.URL + "/host")
		require.NoError(t, err, "the host goes on serving")
		_ = resp.Body.Close()
		for _, c := range clients {
			c.cancel()
		}
	}
	eventually(t, func() bool {
		c := s.dialName("log", "")
		defer c.cancel()
		for {
			switch m := c.read(); m.Type {
			case "lines":
				return true
			case "end":
				return false
			}
		}
	})
	http.DefaultClient.CloseIdleConnections()
}
