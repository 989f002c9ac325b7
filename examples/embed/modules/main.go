// Command modules is a service with a front end of its own: index.html uses the
// browser modules of Pruvon, and Pruvon's page is not mounted.
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
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

//go:embed index.html
var index []byte

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	state, err := os.MkdirTemp("", "pruvon-modules-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(state) }()
	app, err := pruvon.New(config(state))
	if err != nil {
		return err
	}
	l, err := pruvon.Listen(ctx, pruvon.ListenConfig{Address: "127.0.0.1:8080"})
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler(app), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		timeout, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := errors.Join(app.Shutdown(timeout), srv.Shutdown(timeout)); err != nil {
			log.Print(err)
		}
	}()
	log.Printf("http://%s/", l.Addr())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func config(state string) pruvon.Config {
	return pruvon.Config{
		Authorize: func(*http.Request, pruvon.Resource) (pruvon.Access, error) {
			return pruvon.Access{User: "operator"}, nil
		},
		Terminal: &terminal.Config{Terminals: map[string]terminal.Terminal{
			"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
				return exec.Command("/bin/sh"), nil
			}},
		}},
		Logs: &logs.Config{Sources: map[string]logs.Source{
			"demo": logs.Command(func(ctx context.Context) *exec.Cmd {
				return exec.CommandContext(ctx, "sh", "-c", "while date; do sleep 1; done")
			}),
		}},
		Imports: &imports.Config{
			Dir: filepath.Join(state, "imports"),
			Targets: map[string]imports.Target{
				"lines": {Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
					return exec.Command("wc", "-l"), nil
				}, imports.ExitZero)},
			},
		},
	}
}

// handler serves the front end at the root and Pruvon, with the modules below
// assets/, beside it.
func handler(app http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", app)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Length", fmt.Sprint(len(index)))
		_, _ = w.Write(index)
	})
	return mux
}
