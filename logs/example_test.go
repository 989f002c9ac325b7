package logs_test

import (
	"context"
	"log/slog"
	"net/http"
	"os/exec"
	"time"

	"github.com/pruvon/pruvon/logs"
)

// A handler for a file, the journal, a container and the program itself.
func Example() {
	activity := logs.NewWriter()
	h, err := logs.New(logs.Config{
		Sources: map[string]logs.Source{
			"nginx":    logs.File("/var/log/nginx/access.log"),
			"journal":  journal("nginx.service"),
			"web":      container("web"),
			"activity": activity,
		},
		Redact: logs.RedactSecrets,
		Authorize: func(r *http.Request, res logs.Resource) (logs.Access, error) {
			user, _, ok := r.BasicAuth()
			if !ok {
				return logs.Access{}, logs.ErrUnauthenticated
			}
			return logs.Access{User: user}, nil
		},
		Origins: []string{"https://ops.example.internal"},
	})
	if err != nil {
		panic(err)
	}
	slog.New(activity).Info("started")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /logs", h.List)
	mux.Handle("/logs/{name}", h)

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = h.Shutdown(ctx)
}

// journal follows a unit. "-n 0" matters: without it journalctl -f repeats ten
// lines at each start.
func journal(unit string) logs.Source {
	return logs.Command(func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, "journalctl", "-f", "-n", "0", "-o", "short-iso", "--unit="+unit)
	})
}

// container follows a container by its name. When the container ends, so does
// "docker logs", and it is started again after a while: so a container that was
// replaced is found again under the same name.
func container(name string) logs.Source {
	return logs.Command(func(ctx context.Context) *exec.Cmd {
		// Exit status 0 would be the end of the log.
		return exec.CommandContext(ctx, "/bin/sh", "-c", `docker logs --follow --tail 0 -- "$0"; exit 1`, name)
	}, logs.Backoff(time.Second, 10*time.Second))
}

// The wrong way: a path from the request. Let the request choose among names
// that the host knows, and map them here.
func Example_lookup() {
	units := map[string]string{"web": "/srv/web/current/log/app.log"}
	_, err := logs.New(logs.Config{
		Lookup: func(_ context.Context, name string) (logs.Source, error) {
			path, ok := units[name]
			if !ok {
				return nil, logs.ErrNotFound
			}
			return logs.File(path, logs.Within("/srv/web")), nil
		},
		Authorize: func(*http.Request, logs.Resource) (logs.Access, error) { return logs.Access{}, logs.ErrDenied },
	})
	if err != nil {
		panic(err)
	}
}
