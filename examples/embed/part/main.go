// Command part mounts a single part on a route of the service's own: a
// terminal whose name comes from the pattern.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/pruvon/pruvon"
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
	shells, err := terminal.New(terminal.Config{
		Terminals: map[string]terminal.Terminal{
			"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
				return exec.Command("/bin/sh"), nil
			}},
		},
		Authorize: func(r *http.Request, _ terminal.Resource) (terminal.Access, error) {
			// The service's own session check belongs here.
			return terminal.Access{User: "operator"}, nil
		},
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /shells/{name}", shells)
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(terminal.Assets())))

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
		// The terminals first: http.Server knows nothing of upgraded connections.
		done <- errors.Join(shells.Shutdown(timeout), srv.Shutdown(timeout))
	}()
	log.Printf("ws://%s/shells/shell", l.Addr())
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}
