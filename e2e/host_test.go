package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon"

	"github.com/pruvon/pruvon/e2e/harness"
)

// host is a service that embeds the library, inside the test's own process, with nginx in front of it:
// for faults that the standalone binary cannot be made to have.
type host struct {
	t     *testing.T
	app   *pruvon.App
	nginx *harness.Nginx
	stop  func()
}

// startHost starts a host. Mount may add routes beside the app's; it may be nil.
func startHost(t *testing.T, config pruvon.Config, mount func(*http.ServeMux), nginx harness.NginxConfig) *host {
	t.Helper()
	config.Origins, config.Logger = []string{harness.Origin}, slog.New(slog.DiscardHandler)
	app, err := pruvon.New(config)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", app)
	if mount != nil {
		mount(mux)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	h := &host{t: t, app: app}
	h.stop = func() {
		h.stop = func() {}
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := errors.Join(app.Shutdown(ctx), server.Shutdown(ctx)); err != nil {
			t.Errorf("the shutdown: %v", err)
		}
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("the server ended with %v", err)
		}
	}
	t.Cleanup(func() { h.stop() })
	nginx.Upstream = listener.Addr().String()
	h.nginx = run.StartNginx(t, nginx)
	run.Watch(t)
	return h
}

func (h *host) client() *harness.Client { return run.Client(h.nginx.Addr, harness.Operator) }

// nothingLeft waits until the library holds nothing in this process any more: no goroutine is in its
// code, no terminal is open and no file below dir, and no process runs there.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, func() error {
		stacks := make([]byte, 4<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(strings.ReplaceAll(stack, "pruvon/pruvon/e2e", ""), "pruvon/pruvon") {
				return fmt.Errorf("a goroutine is left:\n%s", stack)
			}
		}
		descriptors, err := filepath.Glob("/proc/self/fd/*")
		if err != nil {
			return err
		}
		for _, descriptor := range descriptors {
			file, _ := os.Readlink(descriptor)
			if strings.HasPrefix(file, dir) || file == "/dev/ptmx" {
				return fmt.Errorf("%s is still open", file)
			}
		}
		return harness.ProcessesIn(dir, os.Getpid())
	})
}
