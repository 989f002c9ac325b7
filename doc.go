// Package pruvon gives the operators of a service browser terminals, live logs
// and imports with progress, as one http.Handler that the service mounts.
//
//	app, err := pruvon.New(pruvon.Config{
//		Origins:   []string{"https://panel.example.internal"},
//		Authorize: who, // func(*http.Request, pruvon.Resource) (pruvon.Access, error)
//		Terminal: &terminal.Config{Terminals: map[string]terminal.Terminal{
//			"shell": {Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
//				return exec.Command("/bin/bash", "-l"), nil
//			}},
//		}},
//		Logs: &logs.Config{Sources: map[string]logs.Source{
//			"nginx": logs.File("/var/log/nginx/access.log"),
//		}},
//		Page: &pruvon.Page{},
//	})
//	…
//	mux.Handle("/ops/", http.StripPrefix("/ops", app))
//	…
//	err = errors.Join(app.Shutdown(ctx), srv.Shutdown(ctx)) // in this order
//
// The parts can be mounted by themselves as well; see the packages terminal,
// logs and imports. This package only puts them together: it finds out who the
// client is (proxyhdr), whether its address may come in (ipfilter), whether
// the request comes from our own page (Host and Origin), and then asks
// Authorize.
//
// # Routes
//
//	/                     the page, when Config.Page is set
//	/assets/…             its modules and styles, and the modules for other pages
//	/terminals            GET: names and sessions
//	/terminals/{name}     WebSocket
//	/logs                 GET: names
//	/logs/{name}          WebSocket, SSE, NDJSON or text
//	/imports              GET: targets
//	/imports/{target}/…   uploads, jobs and their events
//	/whoami               who the client is to this service, and why
//	/healthz              200 while the service runs; asks nobody's name
//
// Every address in an answer is relative, so the handler works at any mount
// point and behind any sub-path of a proxy.
//
// # Order of checks
//
// /healthz, then the client's address, the address filter, Host and Origin,
// /whoami, Authorize, the route. What is refused is refused before an upgrade
// and before anything is spawned, with an RFC 9457 problem document.
//
// # Trust
//
// Loopback is not authentication: with a TCP listener every local account of
// the machine reaches the service. Where other people have accounts, listen on
// a unix socket ([Listen]) that only the proxy's group may open.
//
// # Concurrency
//
// An [App] is safe for concurrent use. Hooks (Authorize, Audit, lookups) are
// called from several goroutines.
package pruvon
