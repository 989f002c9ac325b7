package imports

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/tus/tusd/v2/pkg/filestore"
	"github.com/tus/tusd/v2/pkg/handler"
	"github.com/tus/tusd/v2/pkg/memorylocker"
	tuslog "golang.org/x/exp/slog"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/imports"
)

// The servers, each the name of a role of this program.
const (
	pruvon = "pruvon"
	floor  = "io.Copy"
	tusd   = "tusd"
)

// config is what a role is told.
type config struct {
	Dir     string // where it may keep files
	Files   string // imports.Target.Files
	Command string // what pruvon feeds, for a shell; "": nothing, the queue stands still
}

// Roles are the servers of this package.
func Roles() map[string]harness.Role {
	return map[string]harness.Role{role(pruvon): servePruvon, role(floor): serveFloor, role(tusd): serveTusd}
}

func role(kind string) string { return "imports/" + kind }

func servePruvon(l net.Listener, b []byte) (harness.Service, error) {
	c, err := harness.Decode[config](b)
	if err != nil {
		return harness.Service{}, err
	}
	var importer imports.Importer = imports.ImporterFunc(wait)
	if c.Command != "" {
		importer = imports.Command(func(context.Context, imports.Info) (*exec.Cmd, error) {
			return exec.Command("/bin/sh", "-c", c.Command), nil
		}, nil)
	}
	h, err := imports.New(imports.Config{
		Dir: filepath.Join(c.Dir, "imports"),
		Authorize: func(*http.Request, imports.Resource) (imports.Access, error) {
			return imports.Access{User: "bench"}, nil
		},
		Targets:  map[string]imports.Target{"db": {Importer: importer, Files: c.Files, MaxBytes: -1}},
		Slots:    1,
		KeepData: -1,
		Logger:   slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return harness.Service{}, fmt.Errorf("imports: %w", err)
	}
	return harness.HTTP(l, h, func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel() // nothing that runs is worth waiting for
		_ = h.Shutdown(ctx)
	}), nil
}

// wait is an importer that takes its slot and nothing else, so that the upload
// is measured alone.
func wait(ctx context.Context, _ io.Reader, _ *imports.Job) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

// serveFloor copies each request's body to the end of a file.
func serveFloor(l net.Listener, b []byte) (harness.Service, error) {
	c, err := harness.Decode[config](b)
	if err != nil {
		return harness.Service{}, err
	}
	return harness.HTTP(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.OpenFile(filepath.Join(c.Dir, "upload"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			defer f.Close()
			_, err = io.Copy(f, r.Body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}), nil), nil
}

// serveTusd is tusd's handler with the store and the lock that its own program
// uses by default on one host, without downloads, hooks and logging.
func serveTusd(l net.Listener, b []byte) (harness.Service, error) {
	c, err := harness.Decode[config](b)
	if err != nil {
		return harness.Service{}, err
	}
	composer := handler.NewStoreComposer()
	filestore.New(c.Dir).UseIn(composer)
	memorylocker.New().UseIn(composer)
	h, err := handler.NewHandler(handler.Config{
		BasePath: "/files/", StoreComposer: composer, DisableDownload: true,
		Logger: tuslog.New(tuslog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		return harness.Service{}, err
	}
	return harness.HTTP(l, http.StripPrefix("/files/", h), nil), nil
}
