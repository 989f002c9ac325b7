package frameworks_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gin-gonic/gin"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/examples/frameworks"
	"github.com/pruvon/pruvon/terminal"
)

func newApp(t *testing.T) *pruvon.App {
	t.Helper()
	app, err := pruvon.New(pruvon.Config{
		Logger: slog.New(slog.DiscardHandler),
		Authorize: func(*http.Request, pruvon.Resource) (pruvon.Access, error) {
			return pruvon.Access{User: "ann"}, nil
		},
		Terminal: &terminal.Config{Terminals: map[string]terminal.Terminal{
			"cat": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) { return exec.Command("cat"), nil }},
		}},
		Page: &pruvon.Page{},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := app.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return app
}

// Each router must hand the connection through: a typed line comes back from
// the terminal, and the page is where its links lead.
func TestTerminalThroughEachRouter(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	for name, mount := range map[string]func(http.Handler) http.Handler{
		"net/http": frameworks.NetHTTP, "chi": frameworks.Chi, "gin": frameworks.Gin, "echo": frameworks.Echo,
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(mount(newApp(t)))
			defer srv.Close()
			res, err := http.Get(srv.URL + "/ops/")
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				t.Errorf("page: %s", res.Status)
			}
			echoLine(t, srv.URL)
		})
	}
}

func echoLine(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, _, err := websocket.Dial(ctx, url+"/ops/terminals/cat?cols=80&rows=24", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {url}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if err := c.Write(ctx, websocket.MessageText, []byte("hello\r")); err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	for strings.Count(seen.String(), "hello") < 2 {
		_, data, err := c.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		seen.Write(data)
	}
}

// What hides the connection is named in a clear answer.
func TestTimeoutHandlerIsNamed(t *testing.T) {
	srv := httptest.NewServer(http.TimeoutHandler(frameworks.NetHTTP(newApp(t)), time.Minute, ""))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, res, err := websocket.Dial(ctx, srv.URL+"/ops/terminals/cat", &websocket.DialOptions{
		HTTPHeader: http.Header{"Origin": {srv.URL}},
	})
	if err == nil || res == nil {
		t.Fatal(errors.Join(errors.New("the handshake should have been refused"), err))
	}
	if res.StatusCode != http.StatusInternalServerError {
		t.Errorf("got %s", res.Status)
	}
}
