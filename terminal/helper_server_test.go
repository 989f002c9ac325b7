package terminal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"sync"
)

// helpServer serves one terminal, whose command is the rest of the arguments,
// until its standard input ends. It prints its address, then each audit event
// as "kind id outcome". State is kept in the directory given first, "-" for
// none. A line of input collects garbage, so that only what is held counts.
func helpServer(args []string) {
	state := args[0]
	if state == "-" {
		state = ""
	}
	var mu sync.Mutex
	h, err := New(Config{
		Terminals: map[string]Terminal{"t": {Command: func(context.Context, Start) (*exec.Cmd, error) {
			return exec.Command(args[1], args[2:]...), nil
		}}},
		Authorize:     func(*http.Request, Resource) (Access, error) { return Access{User: "ann"}, nil },
		AllowNoOrigin: true,
		Limits:        Limits{Total: -1, PerUser: -1, PerAddr: -1, Handshakes: -1},
		StateDir:      state,
		Logger:        slog.New(slog.NewTextHandler(io.Discard, nil)),
		Audit: func(_ context.Context, e Event) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Println(e.Kind, e.ID, e.Outcome)
		},
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	mux := http.NewServeMux()
	mux.Handle("/terminals/{name}", h)
	mux.HandleFunc("GET /host", func(http.ResponseWriter, *http.Request) {})
	go func() { _ = http.Serve(l, mux) }()
	mu.Lock()
	fmt.Println("listening", l.Addr())
	mu.Unlock()
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		debug.FreeOSMemory()
		mu.Lock()
		fmt.Println("collected")
		mu.Unlock()
	}
	_ = h.Shutdown(context.Background())
}
