package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"
)

// serveArg is the first argument of a process that is a server; the role's name and its configuration
// follow.
const serveArg = "serve"

// Role is a server that this program can be, in a process of its own: it serves on l until Service.Stop
// is called. config is what was given to [Env.Serve], as JSON.
type Role func(l net.Listener, config []byte) (Service, error)

// Service is a running server, seen from within its process.
type Service struct {
	// Stop ends it. Nil does nothing.
	Stop func()
	// Do does what the scenario asks for with [Server.Do], and returns the one line of its answer.
	// "collect" is not passed on. Nil knows no commands.
	Do func(command string) (string, error)
}

// HTTP serves a handler; stop, which may be nil, ends what the handler has started.
func HTTP(l net.Listener, h http.Handler, stop func()) Service {
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }()
	return Service{Stop: func() {
		if stop != nil {
			stop()
		}
		_ = s.Close()
	}}
}

// Decode reads a role's configuration.
func Decode[T any](config []byte) (T, error) {
	var v T
	err := json.Unmarshal(config, &v)
	return v, err
}

// ServeIfAsked is a server, and does not return, if the process has been started as one. It is the
// first thing that main and TestMain do.
func ServeIfAsked(roles map[string]Role) {
	if len(os.Args) != 4 || os.Args[1] != serveArg {
		return
	}
	if err := serve(roles, os.Args[2], os.Args[3], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// serve tells its address, then answers commands, a line each, until its input ends.
func serve(roles map[string]Role, name, config string, in io.Reader, out io.Writer) error {
	role, ok := roles[name]
	if !ok {
		return fmt.Errorf("no role %q", name)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer l.Close()
	service, err := role(l, []byte(config))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintln(out, "ok", l.Addr())
	for lines := bufio.NewScanner(in); lines.Scan(); {
		answer, err := service.do(lines.Text())
		if err != nil {
			fmt.Fprintf(out, "error %q\n", err)
		} else {
			fmt.Fprintln(out, "ok", answer)
		}
	}
	if service.Stop != nil {
		service.Stop()
	}
	return nil
}

func (s *Service) do(command string) (string, error) {
	if command == "collect" {
		debug.FreeOSMemory()
		return "", nil
	}
	if s.Do == nil {
		return "", errors.New("unknown command")
	}
	return s.Do(command)
}
