package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

// run owns everything that the tests of this package start.
var run *harness.Run

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if run, err = harness.NewRun(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if !harness.Isolated() {
		os.Setenv(keptName, filepath.Join(run.Dir, "kept"))
	}
	code := m.Run()
	if code == 0 && !harness.Isolated() {
		if err := writePromises(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := run.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "at the end of the run:", err)
		return 1
	}
	return code
}

// targets is the configuration that most tests use: one shell, one that cannot start, a log file and an
// import that counts what it gets.
const targets = `
terminals:
  shell: {command: [/bin/bash, --norc, --noprofile], dir: "{{DIR}}", env: {PS1: "$ "}}
  missing: {command: [/does/not/exist]}
logs:
  app: {file: "{{DIR}}/app.log"}
imports:
  count: {command: [/usr/bin/wc, -c]}
`

// stack is the deployment of the operator's guide on this machine: service, nginx, Prometheus.
type stack struct {
	service    *harness.Service
	nginx      *harness.Nginx
	prometheus *harness.Prometheus
}

// start starts a service with the given "pruvon:" lines and an nginx in front of it.
func start(t testing.TB, pruvon, rest string, nginx harness.NginxConfig) *stack {
	t.Helper()
	s := &stack{service: run.StartService(t, pruvon, rest)}
	nginx.Upstream = s.service.Addr
	s.nginx = run.StartNginx(t, nginx)
	run.Watch(t)
	return s
}

// client is a client of the stack's nginx whose address is allowed.
func (s *stack) client() *harness.Client { return run.Client(s.nginx.Addr, harness.Operator) }

// rule makes a browser reach the stack's nginx under the operator's URL.
func (s *stack) rule() string { return "MAP " + harness.ServerName + ":443 " + s.nginx.Addr }

var (
	sharedOnce    sync.Once
	sharedStack   *stack
	browserOnce   sync.Once
	sharedBrowser *harness.Browser
)

// origins is the one line that SECURITY.md recommends beside the listening address.
const origins = "origins: [" + harness.Origin + "]\n"

// shared is the stack of the tests that leave it as it was.
func shared(t testing.TB) *stack {
	t.Helper()
	sharedOnce.Do(func() {
		s := start(t, origins, targets, harness.NginxConfig{})
		// Prometheus needs seconds for its first sample: it scrapes while other tests run.
		s.prometheus = run.StartPrometheus(t, s.service.Addr)
		sharedStack = s
	})
	if sharedStack == nil {
		t.Fatal("the shared stack did not start")
	}
	run.Watch(t)
	return sharedStack
}

// browser is Chromium with the shared stack as https://pruvon.example.internal.
func browser(t testing.TB) *harness.Browser {
	t.Helper()
	s := shared(t)
	browserOnce.Do(func() { sharedBrowser = run.StartBrowser(t, s.rule()) })
	if sharedBrowser == nil {
		t.Fatal("the shared browser did not start")
	}
	return sharedBrowser
}
