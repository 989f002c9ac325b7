// Command whole is the smallest service that mounts all of Pruvon below a path
// of its own.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/terminal"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	state, err := os.MkdirTemp("", "pruvon-embed-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(state) }()

	app, err := pruvon.New(pruvon.Config{
		Authorize: func(r *http.Request, _ pruvon.Resource) (pruvon.Access, error) {
			// The service's own session check belongs here.
			return pruvon.Access{User: "operator"}, nil
		},
		Terminal: &terminal.Config{Terminals: map[string]terminal.Terminal{
			"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
				return exec.Command("/bin/sh"), nil
			}},
		}},
		Logs: &logs.Config{Sources: map[string]logs.Source{
			"system": logs.File("/var/log/syslog"),
		}},
		Imports: &imports.Config{
			Dir: filepath.Join(state, "imports"),
			Targets: map[string]imports.Target{
				"lines": {Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
					return exec.Command("wc", "-l"), nil
				}, imports.ExitZero)},
			},
		},
		Page: &pruvon.Page{},
	})
	if err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.Handle("/ops/", http.StripPrefix("/ops", app))
	l, err := pruvon.Listen(ctx, pruvon.ListenConfig{Address: "127.0.0.1:8080"})
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() {
		<-ctx.Done()
		timeout, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		// The app first: http.Server knows nothing of upgraded connections.
		done <- errors.Join(app.Shutdown(timeout), srv.Shutdown(timeout))
	}()
	log.Printf("http://%s/ops/", l.Addr())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}
