package terminal

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os/exec"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/terminal"
)

const rolePruvon = "terminal-pruvon"

// serverConfig is what a server of terminals is told.
type serverConfig struct {
	// Commands are the terminals by name.
	Commands map[string][]string
	// Window and Ring are those of [terminal.Config]. 0 = its defaults.
	Window, Ring int
	// Buffer is how many bytes the floor reads at once. 0 = 64 KiB.
	Buffer int
	// Poll makes the floor wait for its ptys as it does for sockets, without a thread for each.
	Poll bool
}

// servePruvon is a service with Pruvon's terminals. Sessions end with their connection, as those of
// everybody else do.
func servePruvon(l net.Listener, config []byte) (harness.Service, error) {
	c, err := harness.Decode[serverConfig](config)
	if err != nil {
		return harness.Service{}, err
	}
	terminals := map[string]terminal.Terminal{}
	for name, argv := range c.Commands {
		terminals[name] = terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
			return exec.Command(argv[0], argv[1:]...), nil
		}}
	}
	h, err := terminal.New(terminal.Config{
		Terminals: terminals,
		Authorize: func(*http.Request, terminal.Resource) (terminal.Access, error) {
			return terminal.Access{User: "operator"}, nil
		},
		AllowNoOrigin: true,
		Origins:       []string{"https://" + serverName},
		Limits:        terminal.Limits{Total: -1, PerUser: -1, PerAddr: -1, Handshakes: -1},
		Window:        c.Window,
		Ring:          c.Ring,
		DetachGrace:   -1,
		Logger:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return harness.Service{}, err
	}
	mux := http.NewServeMux()
	mux.Handle("/terminals/{name}", h)
	return harness.HTTP(l, mux, func() { _ = h.Shutdown(context.Background()) }), nil
}

// serverName is the host name that nginx serves.
const serverName = "pruvon.example.internal"
