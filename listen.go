package pruvon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// ListenConfig says where [Listen] listens.
type ListenConfig struct {
	_ [0]func()

	// Address is host:port with a loopback address or "localhost", or
	// unix:/absolute/path. Required.
	Address string
	// InsecureAllowPublic lets Address be reachable from other machines.
	// Then nothing keeps clients from going round the proxy, its TLS and its
	// allowlist.
	InsecureAllowPublic bool
	// SocketMode is the mode of a unix socket. Default 0660: who may connect
	// is who the group says.
	SocketMode fs.FileMode
}

// Listen returns a listener that only this machine can reach, unless told
// otherwise by name. A unix socket left over by a process that is gone is
// replaced; one that is being served is an error.
func Listen(ctx context.Context, cfg ListenConfig) (net.Listener, error) {
	if path, ok := strings.CutPrefix(cfg.Address, "unix:"); ok {
		return listenUnix(ctx, path, cfg.SocketMode)
	}
	host, _, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("listen address %q: %w", cfg.Address, err)
	}
	if !cfg.InsecureAllowPublic && !isLoopback(host) {
		return nil, fmt.Errorf("listen address %q can be reached from other machines: "+
			"listen on 127.0.0.1 behind a proxy, or set InsecureAllowPublic", cfg.Address)
	}
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", cfg.Address)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

func listenUnix(ctx context.Context, path string, mode fs.FileMode) (net.Listener, error) {
	if mode == 0 {
		mode = 0o660
	}
	if !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("listen address unix:%s: the path must be absolute", path)
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	// Connecting needs write permission, which the usual umask of 022
	// withholds from everybody else until here (unix(7)).
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return fmt.Errorf("%s is in the way and no socket", path)
	}
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		return errors.Join(fmt.Errorf("%s is being served already", path), c.Close())
	}
	return os.Remove(path)
}
