package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/terminal"

	"github.com/pruvon/pruvon/e2e/harness"
)

// Access is withdrawn while streams of each kind are open: by the host, which says so, and by its
// Authorize, which is asked again.
func TestRevokedUserIsCutOff(t *testing.T) {
	const every = 500 * time.Millisecond
	dir := run.Sub(t)
	appendLine(t, filepath.Join(dir, "app.log"), "a line")
	in := func(script string) *exec.Cmd {
		cmd := exec.Command("/bin/sh", "-c", script)
		cmd.Dir = dir
		return cmd
	}
	var denied atomic.Bool
	h := startHost(t, pruvon.Config{
		Authorize: func(*http.Request, pruvon.Resource) (pruvon.Access, error) {
			if denied.Load() {
				return pruvon.Access{}, pruvon.ErrDenied
			}
			return pruvon.Access{User: "ann"}, nil
		},
		Revalidate: every,
		Terminal: &terminal.Config{Terminals: map[string]terminal.Terminal{
			"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
				return in("trap '' HUP TERM; sleep 1000; sleep 1000"), nil
			}},
		}},
		Logs: &logs.Config{Sources: map[string]logs.Source{"app": logs.File(filepath.Join(dir, "app.log"))}},
		Imports: &imports.Config{Dir: filepath.Join(dir, "imports"), ReserveFree: -1, Targets: map[string]imports.Target{
			"slow": {Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
				return in("cat >/dev/null; until [ -e go ]; do sleep 0.02; done"), nil
			}, nil)},
		}},
	}, nil, harness.NginxConfig{})

	job := upload(t, h.client(), "slow", []byte("goes on"))
	harness.Eventually(t, 10*time.Second, func() error {
		if j := snapshot(t, h.client(), job); j.State != "running" {
			return fmt.Errorf("the import is %s", j.State)
		}
		return nil
	})
	// cut opens a stream of each kind and returns how long withdraw took to end them.
	cut := func(withdraw func()) time.Duration {
		t.Helper()
		shell := h.client().Dial(t, "/terminals/shell", "pruvon.terminal.v1")
		shell.SendText(hello)
		if _, _, err := shell.Next(); err != nil {
			t.Fatal(err)
		}
		open := map[string]*harness.Socket{
			"terminal": shell,
			"log":      h.client().Dial(t, "/logs/app", "pruvon.logs.v1"),
			"import":   h.client().Dial(t, job+"/events", "pruvon.imports.v1"),
		}
		stream := h.client().Stream(t, "/logs/app", "Accept: application/x-ndjson")
		stream.Find("a line")
		for _, name := range []string{"log", "import"} {
			if _, _, err := open[name].Next(); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		withdraw()
		for name, socket := range open {
			if code, _, _ := socket.Closed(); code != 1008 {
				t.Errorf("the %s was closed with %d, want 1008", name, code)
			}
		}
		stream.Find(`"end"`)
		return time.Since(began)
	}
	pushed := cut(func() { h.app.Revoke("ann") })
	harness.Eventually(t, 10*time.Second, func() error {
		if list := sessions(t, h.client()); len(list) > 0 {
			return fmt.Errorf("the sessions are %+v", list)
		}
		return nil
	})
	if pushed > time.Second {
		t.Errorf("Revoke took %v", pushed)
	}
	asked := cut(func() { denied.Store(true) })
	if asked > every+time.Second {
		t.Errorf("Authorize's denial took %v", asked)
	}
	denied.Store(false)
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if j := done(t, h.client(), job, 10*time.Second); j.Outcome != "succeeded" {
		t.Errorf("the import %s: half of one helps nobody", j.Outcome)
	}
	h.stop()
	nothingLeft(t, dir)
	keep(t, "A user's access is withdrawn", "terminals, with their processes, logs and import events end within 1 s of Revoke, and within one period of revalidation (here 0.5 s) of Authorize's denial; a running import goes on",
		"%d ms and %d ms", pushed.Milliseconds(), asked.Milliseconds())
}
