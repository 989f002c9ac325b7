package terminal

import (
	"context"
	"fmt"
	"net"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/wsclient"
)

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
		if name != "t" {
			return nil, fmt.Errorf("no terminal %q", name)
		}
		return dialFrames(ctx, addr, wsclient.Options{})
	}, err
}
