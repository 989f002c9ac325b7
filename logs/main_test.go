package logs_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/pruvon/pruvon/logs"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(benchServer); kind != "" {
		runBenchServer(kind)
		return
	}
	if os.Getenv(confined) != "" {
		serveConfined()
		return
	}
	goleak.VerifyTestMain(m)
}

// confined is set in the server that TestProcessesRunOut starts.
const confined = "LOGS_TEST_CONFINED"

// serveConfined serves a log of any name, each a command of its own, until it is
// killed.
func serveConfined() {
	h, err := logs.New(logs.Config{
		Lookup: func(context.Context, string) (logs.Source, error) {
			return shell(`echo ready; exec sleep 1000`), nil
		},
		Authorize: allowAll, AllowNoOrigin: true, Linger: -1, Logger: slog.New(slog.DiscardHandler),
		Limits: logs.Limits{Total: -1, PerUser: -1, PerAddr: -1, Handshakes: -1},
	})
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/logs/{name}", h)
	mux.HandleFunc("GET /host", func(http.ResponseWriter, *http.Request) {})
	fmt.Println("listening", l.Addr())
	_ = http.Serve(l, mux)
}
