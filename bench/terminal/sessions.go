package terminal

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/procfs"
)

func sessions() harness.Scenario {
	return harness.Scenario{
		Name:  "terminal/sessions",
		Title: "Terminal: a thousand sessions",
		About: "1,000 shells are opened, 32 at a time, each up to its prompt; memory, threads and descriptors of " +
			"the server are counted while they are idle. Memory is what is neither shared nor backed by a " +
			"file, after a garbage collection where the server is ours. Then all clients are cut off at once: " +
			"the time until the last of their processes has ended, and what is left after it.",
		Columns: []harness.Column{
			{Key: "open_s", Title: "s to open", Ratio: true},
			{Key: "kib_session", Title: "KiB each"},
			{Key: "threads", Title: "threads"},
			{Key: "fds_session", Title: "descriptors each"},
			{Key: "gone_ms", Title: "ms until gone"},
			{Key: "left", Title: "processes left"},
			{Key: "fds_left", Title: "descriptors left"},
			{Key: "kib_left", Title: "KiB left"},
		},
		Targets: []harness.Target{
			{Name: floor, Floor: true, Note: "waits for its ptys as for sockets, without a thread each, with a buffer of 4 KiB."},
			{Name: pruvon},
			{Name: websocketd, Needs: websocketd, Get: getWebsocketd, Note: "has no pty; its garbage is not collected first."},
		},
		Goals: []harness.Goal{
			{Target: pruvon, Column: "open_s", AtMost: 3},
			{Target: pruvon, Column: "kib_session", AtMost: 64},
			{Target: pruvon, Column: "threads", AtMost: 16},
			{Target: pruvon, Column: "fds_session", AtMost: 3},
		},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			return runSessions(ctx, env, t.Name, env.Size(1000, 20))
		},
	}
}

// growth is how the cost of sessions grows with their number.
func growth() harness.Scenario {
	s := harness.Scenario{
		Name:  "terminal/growth",
		Title: "Terminal: cost by number of sessions",
		About: "As above, with fewer sessions: the memory, threads and time of all of them together.",
		Axis:  "sessions",
		Columns: []harness.Column{
			{Key: "open_s", Title: "s to open", Ratio: true},
			{Key: "mib", Title: "MiB"},
			{Key: "threads", Title: "threads"},
		},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			n := env.Size(int(t.X), int(t.X)/50)
			sample, err := runSessions(ctx, env, t.Kind, n)
			if err != nil {
				return nil, err
			}
			return harness.Sample{
				"open_s": sample["open_s"], "mib": sample["kib_session"] * float64(n) / 1024, "threads": sample["threads"],
			}, nil
		},
	}
	for _, n := range []int{125, 250, 500, 1000} {
		for _, kind := range []string{floor, pruvon} {
			s.Targets = append(s.Targets, harness.Target{
				Name: fmt.Sprintf("%s, %d", kind, n), Kind: kind, X: float64(n), Floor: kind == floor,
			})
		}
	}
	return s
}

// patience is how long processes and descriptors may take to go.
const patience = 10 * time.Second

func runSessions(ctx context.Context, env *harness.Env, target string, n int) (harness.Sample, error) {
	mark := fmt.Sprintf("pruvon-bench-%d-%d", os.Getpid(), time.Now().UnixNano())
	shell := append(idleCommand[:len(idleCommand):len(idleCommand)], mark)
	srv, dial, err := startTarget(ctx, env, target, serverConfig{
		Commands: map[string][]string{"idle": shell, "t": shell},
		Buffer:   4 << 10, Poll: true,
	})
	if err != nil {
		return nil, err
	}
	// What is needed once is there before anything is counted.
	first, err := openMany(ctx, dial, "idle", min(n, 50))
	if err != nil {
		return nil, err
	}
	closeAll(first)
	if err := until(ctx, func() bool { return running(srv, mark) == 0 }); err != nil {
		return nil, err
	}
	before, err := srv.Collected(ctx)
	if err != nil {
		return nil, err
	}

	start := time.Now()
	clients, err := openMany(ctx, dial, "idle", n)
	if err != nil {
		return nil, err
	}
	opened := time.Since(start)
	during, err := srv.Collected(ctx)
	if err != nil {
		closeAll(clients)
		return nil, err
	}

	start = time.Now()
	closeAll(clients)
	if err := until(ctx, func() bool { return running(srv, mark) == 0 }); err != nil {
		return nil, err
	}
	gone := time.Since(start)
	left := running(srv, mark)
	if err := until(ctx, func() bool {
		u, err := srv.Usage()
		return err != nil || u.Descriptors <= before.Descriptors
	}); err != nil {
		return nil, err
	}
	after, err := srv.Collected(ctx)
	if err != nil {
		return nil, err
	}
	return harness.Sample{
		"open_s":      opened.Seconds(),
		"kib_session": float64(during.Anon-before.Anon) / 1024 / float64(n),
		"threads":     float64(during.Threads),
		"fds_session": float64(during.Descriptors-before.Descriptors) / float64(n),
		"gone_ms":     float64(gone.Microseconds()) / 1e3,
		"left":        float64(left),
		"fds_left":    float64(after.Descriptors - before.Descriptors),
		"kib_left":    float64(after.Anon-before.Anon) / 1024,
	}, nil
}

// running counts the sessions' processes that live, and those that nobody has waited for.
func running(srv *harness.Server, mark string) int {
	return procfs.WithArgument(mark, srv.PID) + procfs.Zombies(srv.PID)
}

// until polls until ok, or for as long as patience lasts.
func until(ctx context.Context, ok func() bool) error {
	for deadline := time.Now().Add(patience); !ok() && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}
