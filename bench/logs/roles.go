package logs

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/logs"
)

// The servers, each the name of a role of this program but websocketd, which is
// a program of its own.
const (
	pruvon     = "pruvon"
	floor      = "floor"
	nxadm      = "nxadm/tail"
	websocketd = "websocketd, tail -F"
	history    = "sendfile"
	tailF      = "tail -F"
)

// config is what a role is told.
type config struct {
	Path string // the file
	Ring int64  // logs.Config.Ring
	All  bool   // websocketd: from the beginning, not from the end on
}

// Roles are the servers of this package.
func Roles() map[string]harness.Role {
	return map[string]harness.Role{
		role(pruvon): servePruvon, role(floor): serveFloor, role(nxadm): serveNxadm, role(history): serveHistory,
		role(tailF): serveTail,
	}
}

// role is the name of a server's role among those of all packages.
func role(kind string) string { return "logs/" + kind }

// target is a server as a target of its own name.
func target(kind string) harness.Target {
	t := harness.Target{Name: kind, Kind: kind, Floor: kind == floor}
	if kind == websocketd {
		t.Needs, t.Get = "websocketd", "apt-get install websocketd"
	}
	return t
}

// servePruvon shows the file on every path, as a host program does.
func servePruvon(l net.Listener, b []byte) (harness.Service, error) {
	c, err := harness.Decode[config](b)
	if err != nil {
		return harness.Service{}, err
	}
	h, err := logs.New(logs.Config{
		Sources:   map[string]logs.Source{"app": logs.File(c.Path)},
		Authorize: func(*http.Request, logs.Resource) (logs.Access, error) { return logs.Access{User: "bench"}, nil },
		// The viewers are programs on one machine, and all are one user.
		AllowNoOrigin: true,
		Limits:        logs.Limits{PerUser: -1, PerAddr: -1},
		Ring:          c.Ring,
		Logger:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return harness.Service{}, fmt.Errorf("logs: %w", err)
	}
	return harness.HTTP(l, h, func() { _ = h.Shutdown(context.Background()) }), nil
}
