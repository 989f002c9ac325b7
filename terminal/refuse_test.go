package terminal_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

func header(k, v string) dialOption {
	return func(o *websocket.DialOptions) { o.HTTPHeader.Set(k, v) }
}

// What is refused is refused before anything is started for it.
func TestRefusedBeforeTheUpgrade(t *testing.T) {
	var started atomic.Int64
	s := serve(t, terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
		started.Add(1)
		return exec.Command("true"), nil
	}}, func(c *terminal.Config) {
		c.AllowNoOrigin = false
		c.Origins = []string{"https://pruvon.example.internal", "http://127.0.0.1"}
		c.Lookup = func(_ context.Context, name string) (terminal.Terminal, error) {
			if name == "broken" {
				return terminal.Terminal{}, errors.New("the directory is down")
			}
			return terminal.Terminal{}, terminal.ErrNotFound
		}
		c.Authorize = func(r *http.Request, _ terminal.Resource) (terminal.Access, error) {
			switch r.Header.Get("X-Test-User") {
			case "nobody":
				return terminal.Access{}, terminal.ErrUnauthenticated
			case "eve":
				return terminal.Access{}, terminal.ErrDenied
			case "error":
				return terminal.Access{}, errors.New("the directory is down")
			}
			return terminal.Access{User: "ann"}, nil
		}
	})
	good := header("Origin", "https://pruvon.example.internal")
	v1 := []string{terminal.Subprotocol}
	for _, c := range []struct {
		name   string
		path   string
		protos []string
		opts   []dialOption
		want   int
	}{
		{"foreign origin", "t", v1, []dialOption{header("Origin", "https://evil.example")}, 403},
		{"no origin", "t", v1, nil, 403},
		{"null origin", "t", v1, []dialOption{header("Origin", "null")}, 403},
		{"unknown name", "u", v1, []dialOption{good}, 404},
		{"argument for a name", "-oProxyCommand=x", v1, []dialOption{good}, 404},
		{"path for a name", "..%2f..%2fetc", v1, []dialOption{good}, 404},
		{"unknown subprotocol", "t", []string{"tty"}, []dialOption{good}, 400},
		{"size that is none", "t?cols=x", nil, []dialOption{good}, 400},
		{"size out of range", "t?cols=0", nil, []dialOption{good}, 400},
		{"huge size", "t?rows=1000000000", nil, []dialOption{good}, 400},
		{"unauthenticated", "t", v1, []dialOption{good, as("nobody")}, 401},
		{"denied", "t", v1, []dialOption{good, as("eve")}, 403},
		{"denied, unknown name: no word of which exist", "u", v1, []dialOption{good, as("eve")}, 403},
		{"authorization out of order", "t", v1, []dialOption{good, as("error")}, 503},
		{"lookup out of order", "broken", v1, []dialOption{good}, 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, resp, err := s.dial(strings.TrimSuffix(s.url(), "t")+c.path, c.protos, c.opts...)
			require.Error(t, err)
			require.Equal(t, c.want, resp.StatusCode)
			require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
			b, _ := io.ReadAll(resp.Body)
			require.NotContains(t, string(b), "directory is down")
			if c.want == 503 {
				require.NotEmpty(t, resp.Header.Get("Retry-After"))
			}
		})
	}
	require.Zero(t, started.Load())
	eventually(t, "denials are audited", func() bool { return len(s.events.of("denied")) == 3 })
}

func TestPlainRequests(t *testing.T) {
	s := serve(t, shell("true"))
	for _, c := range []struct {
		method string
		header http.Header
		want   int
		hint   string
	}{
		{"GET", nil, 426, ""},
		{"POST", nil, 405, ""},
		{"GET", http.Header{"Sec-Websocket-Key": {"AAAAAAAAAAAAAAAAAAAAAA=="}}, 426, "proxy_set_header Upgrade"},
		{"GET", http.Header{"Origin": {"https://evil.example"}}, 403, ""},
	} {
		req, err := http.NewRequest(c.method, s.http.URL+"/terminals/t", nil)
		require.NoError(t, err)
		req.Header = c.header.Clone()
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		b, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		require.Equal(t, c.want, resp.StatusCode, "%+v: %s", c, b)
		require.Contains(t, string(b), c.hint)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestCapsAreExact(t *testing.T) {
	s := serve(t, shell("echo ready; read x"), func(c *terminal.Config) {
		c.Limits = terminal.Limits{Total: 3, PerUser: 2}
	})
	first, second := s.open(""), s.open("")
	_, resp, err := s.dial(s.url(), []string{terminal.Subprotocol}, as("bob"), header("X", "1"))
	require.NoError(t, err, "another user has room")
	_ = resp
	_, resp, err = s.dial(s.url(), []string{terminal.Subprotocol}, as("carl"))
	require.Error(t, err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	_, resp, err = s.dial(s.url(), nil)
	require.Error(t, err)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))

	// Who has sessions may come back to them, but start no other one.
	third := s.connect()
	third.send(`{"type":"hello","cols":80,"rows":24}`)
	require.Equal(t, websocket.StatusTryAgainLater, third.ended().Code)
	require.Equal(t, "start_failed", third.exit.Reason)
	require.True(t, third.exit.Retryable)
	require.Positive(t, third.exit.RetryAfter)
	s.leave(first)
	back := s.join(first, "")
	require.Equal(t, first.ready.Session, back.ready.Session)

	// A place that is given up is free again.
	second.typed("\n")
	second.ended()
	eventually(t, "free", func() bool {
		ws, _, err := s.dial(s.url(), []string{terminal.Subprotocol})
		if err != nil {
			return false
		}
		defer func() { _ = ws.CloseNow() }()
		c := &client{t: t, ws: ws}
		c.send(`{"type":"hello","cols":80,"rows":24}`)
		c.until("an answer", func() bool { return c.exit != nil || c.ready.Type != "" })
		return c.exit == nil
	})
}

func TestList(t *testing.T) {
	ro := shell("true")
	ro.ReadOnly, ro.Title = true, "Only to watch"
	s := serve(t, shell("echo ready; read x"), func(c *terminal.Config) { c.Terminals["a.ro"] = ro })
	c := s.open("")
	list := func(user string) string {
		req, err := http.NewRequest("GET", s.http.URL+"/terminals", nil)
		require.NoError(t, err)
		req.Header.Set("X-Test-User", user)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Equal(t, 200, resp.StatusCode)
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		return string(b)
	}
	var got struct {
		Terminals []map[string]any
		Sessions  []map[string]any
	}
	require.NoError(t, json.Unmarshal([]byte(list("ann")), &got))
	require.Equal(t, []map[string]any{
		{"name": "a.ro", "title": "Only to watch", "read_only": true},
		{"name": "t", "title": "t", "read_only": false},
	}, got.Terminals)
	require.Len(t, got.Sessions, 1)
	require.Equal(t, c.ready.Session, got.Sessions[0]["id"])
	require.EqualValues(t, 1, got.Sessions[0]["attached"])
	require.Equal(t, "ann", got.Sessions[0]["writer"])
	require.NotContains(t, list("bob"), c.ready.Session)
	require.Contains(t, list("bob"), `"sessions":[]`)
	require.Contains(t, list("admin"), c.ready.Session)
	http.DefaultClient.CloseIdleConnections()
}

func TestThePathDoesNotMatterAndOneEntryNeedsNoName(t *testing.T) {
	h, err := terminal.New(terminal.Config{
		Terminals: map[string]terminal.Terminal{"only": shell("echo ready; read x")},
		Authorize: byHeader, AllowNoOrigin: true, Cgroup: "-",
	})
	require.NoError(t, err)
	s := &server{t: t, Handler: h, events: &eventLog{}}
	s.listen(http.StripPrefix("/deep", h))
	ws, _, err := s.dial("ws"+strings.TrimPrefix(s.http.URL, "http")+"/deep/any/thing", []string{terminal.Subprotocol})
	require.NoError(t, err)
	c := &client{t: t, ws: ws}
	c.send(`{"type":"hello","cols":80,"rows":24}`)
	c.shows("ready")
}

func TestValidateNamesEachFault(t *testing.T) {
	cfg := terminal.Config{
		Terminals: map[string]terminal.Terminal{
			"-x":   shell("true"),
			"both": {Open: opened(nil).Open, Command: shell("").Command, Window: 5},
			"none": {Ring: 7, DetachedOutput: "keep", KeepDaemons: true},
		},
		Origins: []string{"pruvon.example.internal"}, StateDir: "relative", Window: 2 << 20, DetachedOutput: "x",
	}
	_, err := terminal.New(cfg)
	require.Error(t, err)
	for _, field := range []string{
		`Terminals["-x"]`, `Terminals["both"].Command`, `Terminals["both"].Window`, `Terminals["none"].Command`,
		`Terminals["none"].Ring`, `Terminals["none"].DetachedOutput`, "Authorize", "Origins", "StateDir", "Window: ", "DetachedOutput: ",
	} {
		require.ErrorContains(t, err, field)
	}
	_, err = terminal.New(terminal.Config{Authorize: byHeader})
	require.ErrorContains(t, err, "Terminals")
}
