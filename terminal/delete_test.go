package terminal_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// remove sends a DELETE for a session and returns the status and the body.
func (s *server) remove(query, user string, headers ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodDelete, s.http.URL+"/terminals/"+query, nil)
	require.NoError(s.t, err)
	req.Header.Set("X-Test-User", user)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	defer http.DefaultClient.CloseIdleConnections()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return resp.StatusCode, string(body)
}

// A session ends from outside, attached or not, for its user and for an Admin;
// when the answer comes, nothing of it runs, and who did it is on record.
func TestDeleteEndsASession(t *testing.T) {
	for _, c := range []struct {
		name, user string
		detached   bool
	}{
		{"attached, by its user", "ann", false},
		{"detached, by its user", "ann", true},
		{"attached, by an Admin", "admin", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, shell(`trap '' HUP TERM; setsid sleep 1000 & echo "child $!."; while :; do read x; done`))
			w := s.open("")
			w.shows(".\r\n")
			_, child, _ := strings.Cut(w.out.String(), "child ")
			pid, _, _ := strings.Cut(child, ".")
			require.True(t, alive(pid))
			if c.detached {
				s.leave(w)
			}
			status, body := s.remove("t?session="+w.ready.Session, c.user)
			require.Equal(t, http.StatusNoContent, status, body)
			require.False(t, alive(pid), "what left the session in the background")
			require.Empty(t, sessions(s.Handler))
			if !c.detached {
				require.Equal(t, websocket.StatusNormalClosure, w.ended().Code)
				require.Equal(t, "killed", w.exit.Reason)
			}
			eventually(t, "the end event", func() bool { return len(s.events.of("end")) == 1 })
			require.Equal(t, c.user, s.events.of("kill")[0].User)
			end := s.events.of("end")[0]
			require.Equal(t, []string{"ann", "killed"}, []string{end.User, end.Outcome})
			status, _ = s.remove("t?session="+w.ready.Session, c.user)
			require.Equal(t, http.StatusNotFound, status, "there is nothing to end any more")
		})
	}
}

// Two who end the same session at once are both told when it is gone.
func TestDeleteTwiceAtOnce(t *testing.T) {
	s := serve(t, shell(`trap '' HUP; echo ready; while :; do read x; done`))
	w := s.open("")
	w.shows("ready")
	var both sync.WaitGroup
	status := make([]int, 2)
	for i := range status {
		both.Go(func() { status[i], _ = s.remove("t?session="+w.ready.Session, "ann") })
	}
	both.Wait()
	require.Contains(t, status, http.StatusNoContent)
	require.Empty(t, sessions(s.Handler))
	eventually(t, "the end event", func() bool { return len(s.events.of("end")) == 1 })
}

func TestDeleteRefused(t *testing.T) {
	var mu sync.Mutex
	var asked []terminal.Resource
	s := serve(t, shell("echo ready; read x"), func(c *terminal.Config) {
		c.Terminals["u"] = shell("read x")
		c.Authorize = func(r *http.Request, res terminal.Resource) (terminal.Access, error) {
			if res.Action == "delete" {
				mu.Lock()
				asked = append(asked, res)
				mu.Unlock()
				if r.Header.Get("X-Test-User") == "denied" {
					return terminal.Access{}, terminal.ErrDenied
				}
			}
			return byHeader(r, res)
		}
	})
	w := s.open("")
	w.shows("ready")
	id := w.ready.Session
	for _, c := range []struct {
		name, query, user string
		header            []string
		want              int
	}{
		{"of somebody else", "t?session=" + id, "eve", nil, 404},
		{"unknown", "t?session=ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "ann", nil, 404},
		{"under another terminal's name", "u?session=" + id, "ann", nil, 404},
		{"unknown terminal", "-x?session=" + id, "ann", nil, 404},
		{"no session named", "t", "ann", nil, 400},
		{"an endless id", "t?session=" + strings.Repeat("x", 65), "ann", nil, 400},
		{"who may only watch", "t?session=" + id, "guest", nil, 403},
		{"denied by the host", "t?session=" + id, "denied", nil, 403},
		{"from a foreign page", "t?session=" + id, "ann", []string{"Origin", "https://evil.example"}, 403},
		{"from a page of another site", "t?session=" + id, "ann", []string{"Sec-Fetch-Site", "cross-site"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			status, body := s.remove(c.query, c.user, c.header...)
			require.Equal(t, c.want, status, body)
		})
	}
	require.Len(t, sessions(s.Handler), 1)
	require.Empty(t, s.events.of("kill"))
	eventually(t, "denials are audited", func() bool { return len(s.events.of("denied")) == 5 })
	require.Contains(t, asked, terminal.Resource{Part: "terminal", Name: "t", ID: id, Action: "delete"})
	_, foreign := s.remove("t?session="+id, "eve")
	_, unknown := s.remove("t?session=ZZZZ", "eve")
	require.Equal(t, unknown, foreign, "a foreign session looks like none")
	w.typed("\n")
	w.ended()
	require.Equal(t, "exited", w.exit.Reason)
}
