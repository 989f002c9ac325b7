// Command part mounts a single part on a route of the service's own: a
// terminal whose name comes from the pattern.
package main

import (
	"context"
	"log"
	"net/http"
	"os/exec"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/terminal"
)

func main() {
	shells, err := terminal.New(terminal.Config{
		Terminals: map[string]terminal.Terminal{
			"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
				return exec.Command("/bin/sh"), nil
			}},
		},
		Authorize: func(r *http.Request, _ terminal.Resource) (terminal.Access, error) {
			return terminal.Access{User: "operator"}, nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /shells/{name}", shells)
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(terminal.Assets())))

	l, err := pruvon.Listen(context.Background(), pruvon.ListenConfig{Address: "127.0.0.1:8080"})
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("ws://%s/shells/shell", l.Addr())
	log.Fatal(http.Serve(l, mux))
}
