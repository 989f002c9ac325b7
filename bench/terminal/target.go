package terminal

import (
	"context"
	"fmt"
	"net"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/wsclient"
)

// The targets, under the names of their rows.
const (
	pruvon        = "pruvon"
	floor         = "floor"
	barePty       = "bare pty"
	websocketdBin = "websocketd --binary"
	websocketd    = "websocketd"
	getWebsocketd = "apt-get install websocketd"
)

// dialer opens a terminal of a running target.
type dialer func(ctx context.Context, name string) (client, error)

// startTarget starts the server of a target.
func startTarget(ctx context.Context, env *harness.Env, target string, c serverConfig) (*harness.Server, dialer, error) {
	switch target {
	case floor:
		srv, err := env.Serve(ctx, roleFloor, c)
		return srv, func(ctx context.Context, name string) (client, error) {
			return dialSocket(ctx, srv.Addr, name, pageBuffer(name))
		}, err
	case pruvon:
		srv, err := env.Serve(ctx, rolePruvon, c)
		return srv, func(ctx context.Context, name string) (client, error) {
			return dialPage(ctx, srv.Addr, name, wsclient.Options{Buffer: pageBuffer(name)})
		}, err
	case pruvonNginx:
		return startBehindNginx(ctx, env, c)
	case websocketd, websocketdBin:
		return startWebsocketd(ctx, env, target, c)
	}
	return nil, nil, fmt.Errorf("unknown target %q", target)
}

// startWebsocketd starts websocketd, which runs one command for every connection; here, the terminal
// called "t".
func startWebsocketd(ctx context.Context, env *harness.Env, target string, c serverConfig) (*harness.Server, dialer, error) {
	addr, err := harness.FreeAddr()
	if err != nil {
		return nil, nil, err
	}
	host, port, _ := net.SplitHostPort(addr)
	args := []string{"--address=" + host, "--port=" + port, "--loglevel=fatal"}
	if target == websocketdBin {
		args = append(args, "--binary")
	}
	srv, err := env.Program(ctx, addr, websocketd, append(args, c.Commands["t"]...)...)
	return srv, func(ctx context.Context, name string) (client, error) {
		return dialFrames(ctx, addr, wsclient.Options{})
	}, err
}

// pageBuffer is how many bytes a client reads at once: little from terminals that show next to nothing,
// of which there are many.
func pageBuffer(name string) int {
	if name == "idle" {
		return 2 << 10
	}
	return 256 << 10
}
