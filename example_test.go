package pruvon_test

import (
	"context"
	"errors"
	"io/fs"
	"log"
	"net/http"
	"os/exec"

	"github.com/pruvon/pruvon"
	"github.com/pruvon/pruvon/imports"
	"github.com/pruvon/pruvon/logs"
	"github.com/pruvon/pruvon/terminal"
)

// What the README's lines stand among.
var (
	who = func(*http.Request, pruvon.Resource) (pruvon.Access, error) {
		return pruvon.Access{User: "operator"}, nil
	}
	terminals = map[string]terminal.Terminal{
		"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
			return exec.Command("/bin/bash", "-l"), nil
		}},
	}
	targets = map[string]imports.Target{
		"lines": {Importer: imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
			return exec.Command("wc", "-l"), nil
		}, imports.ExitZero)},
	}
	xterm fs.FS
)

// A service mounts everything below a path of its own, and shuts it down
// before its http.Server.
func ExampleNew() {
	app, err := pruvon.New(pruvon.Config{
		Origins:   []string{"https://panel.example.internal"}, // the address in the operators' browsers
		Authorize: who,                                        // func(*http.Request, pruvon.Resource) (pruvon.Access, error)
		Terminal:  &terminal.Config{Terminals: terminals},
		Logs:      &logs.Config{Sources: map[string]logs.Source{"nginx": logs.File("/var/log/nginx/access.log")}},
		Imports:   &imports.Config{Dir: "/var/lib/panel/imports", Targets: targets},
		Page:      &pruvon.Page{Xterm: xterm},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/ops/", http.StripPrefix("/ops", app))

	srv := &http.Server{Handler: mux}
	ctx := context.Background()
	// … and at the end, in this order:
	err = errors.Join(app.Shutdown(ctx), srv.Shutdown(ctx))
	if err != nil {
		log.Print(err)
	}
}

// The wrong way: http.Server knows nothing of upgraded connections. Its
// Shutdown returns at once while every terminal runs on, and when the process
// then exits, its clients see a dropped connection instead of a goodbye.
func ExampleApp_Shutdown_wrong() {
	var app *pruvon.App
	var srv *http.Server
	stop := func(ctx context.Context) error {
		return srv.Shutdown(ctx) // app.Shutdown(ctx) is missing
	}
	_, _ = app, stop
}
