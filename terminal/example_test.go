package terminal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"time"

	"github.com/pruvon/pruvon/terminal"
)

// Mount one terminal on a route of your own, and shut it down before the
// server: net/http's Shutdown ignores connections that have been taken over.
func ExampleNew() {
	h, err := terminal.New(terminal.Config{
		Origins: []string{"https://pruvon.example.internal"},
		Authorize: func(r *http.Request, _ terminal.Resource) (terminal.Access, error) {
			user := r.Header.Get("X-Remote-User") // set by a proxy that is trusted to
			if user == "" {
				return terminal.Access{}, terminal.ErrUnauthenticated
			}
			return terminal.Access{User: user}, nil
		},
		Terminals: map[string]terminal.Terminal{
			"shell": {
				Title: "Shell",
				Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
					return exec.Command("/bin/bash", "-l"), nil
				},
			},
		},
	})
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /terminals", h.List)
	mux.Handle("GET /terminals/{name}", h)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := errors.Join(h.Shutdown(ctx), srv.Shutdown(ctx)); err != nil {
		panic(err)
	}
	// Output:
}

// A configuration is refused as a whole: the error names every fault.
func ExampleConfig_Validate() {
	_, err := terminal.New(terminal.Config{
		Authorize: func(*http.Request, terminal.Resource) (terminal.Access, error) { return terminal.Access{}, nil },
		Terminals: map[string]terminal.Terminal{"shell": {Window: 1}},
	})
	fmt.Println(err)
	// Output:
	// Terminals["shell"].Command: exactly one of Command and Open is required
	// Terminals["shell"].Window: 1 is not within 16384…1048576 bytes
}
