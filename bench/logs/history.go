package logs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/lines"
	"github.com/pruvon/pruvon/bench/internal/procfs"
	"github.com/pruvon/pruvon/bench/internal/stat"
	"github.com/pruvon/pruvon/bench/internal/viewers"
)

const (
	historyFile = "history.log"
	readers     = 50
)

// catchUp has many viewers read a long history at the same time.
func catchUp(full bool) harness.Scenario {
	megabytes, limit := 40, 6*time.Second
	if full {
		megabytes, limit = 200, time.Minute
	}
	count := func(env *harness.Env) int { return env.Size(megabytes, 1) * 1_000_000 / lines.Size }
	return harness.Scenario{
		Name:  "logs/catch-up",
		Title: "Logs: catching up",
		About: fmt.Sprintf("%d viewers read a file of %d MB from its beginning, all at the same time. Who is not done within %v is measured by what has come until then. "+
			"The floor is sendfile(2): the file as it is, with no line looked at.", readers, megabytes, limit),
		Columns: []harness.Column{
			{Key: "lines_s", Title: "lines/s", Ratio: true},
			{Key: "share_pct", Title: "share %"},
			{Key: "cpu_s_mline", Title: "CPU s/million lines"},
			{Key: "memory_mb", Title: "memory MB"},
		},
		Targets: []harness.Target{
			{Name: history, Kind: history, Floor: true},
			target(pruvon),
			target(websocketd),
		},
		Goals: []harness.Goal{{Target: pruvon, Column: "lines_s", AtLeast: 3e6}},
		Setup: func(_ context.Context, env *harness.Env) error {
			f, err := create(filepath.Join(env.Dir, historyFile))
			if err != nil {
				return err
			}
			defer f.Close()
			return new(lines.Writer).Fill(f, count(env))
		},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			return readAll(ctx, env, t.Kind, env.Size(readers, 2), count(env), limit)
		},
	}
}

func readAll(ctx context.Context, env *harness.Env, kind string, n, count int, limit time.Duration) (harness.Sample, error) {
	server, err := serve(ctx, env, kind, config{Path: filepath.Join(env.Dir, historyFile), All: true})
	if err != nil {
		return nil, err
	}
	p := protocol(kind)
	if kind == pruvon {
		p.Path = "/?tail=all"
	}
	begin := time.Now()
	crowd, err := viewers.Open(server.Addr, p, n)
	if err != nil {
		return nil, err
	}
	defer crowd.Close()
	want := int64(n) * int64(count)
	await(crowd.Tally, want, limit)
	took, got := time.Since(begin), float64(crowd.Tally.Count())
	u, _, err := procfs.Group(server.PID)
	if err != nil {
		return nil, err
	}
	if got == 0 {
		return nil, errNobody
	}
	return harness.Sample{
		"lines_s":     got / took.Seconds(),
		"share_pct":   100 * got / float64(want),
		"cpu_s_mline": u.CPU.Seconds() / (got / 1e6),
		"memory_mb":   float64(u.Anon) / 1e6,
	}, nil
}

// tailLines is how many lines the tail scenario asks for.
const tailLines = 1000

// lastLines asks for the end of ever larger files.
func lastLines(full bool) harness.Scenario {
	sizes := []int{1, 10, 100, 1000}
	if full {
		sizes = append(sizes, 5000)
	}
	s := harness.Scenario{
		Name:  "logs/tail",
		Title: "Logs: the last lines of a large file",
		About: fmt.Sprintf("The last %d lines over HTTP, from the request to the last byte, beside tail(1) as a process of its own. "+
			"The files are sparse up to their last megabyte.", tailLines),
		Axis:    "MB of file",
		Columns: []harness.Column{{Key: "p50_ms", Title: "p50 ms", Ratio: true}, {Key: "max_ms", Title: "max ms"}},
		Setup: func(_ context.Context, env *harness.Env) error {
			for _, size := range sizes {
				if err := sparse(env, size); err != nil {
					return err
				}
			}
			return nil
		},
		Run: runTail,
	}
	for _, size := range sizes {
		s.Targets = append(s.Targets,
			harness.Target{Name: fmt.Sprintf("tail, %d MB", size), Kind: "tail", X: float64(size), Floor: true},
			harness.Target{Name: fmt.Sprintf("pruvon, %d MB", size), Kind: pruvon, X: float64(size)})
	}
	return s
}

func sparseName(env *harness.Env, size int) string {
	return filepath.Join(env.Dir, fmt.Sprintf("%dMB.log", size))
}

// sparse makes a file that is a hole but for a megabyte of lines at its end.
func sparse(env *harness.Env, size int) error {
	f, err := os.Create(sparseName(env, size))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(int64(size-1)*1e6, io.SeekStart); err != nil {
		return err
	}
	return new(lines.Writer).Fill(f, 1_000_000/lines.Size)
}

func runTail(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
	path := sparseName(env, int(t.X))
	ask := func() ([]byte, error) {
		return exec.CommandContext(ctx, "tail", "-n", fmt.Sprint(tailLines), path).Output()
	}
	if t.Kind == pruvon {
		server, err := serve(ctx, env, t.Kind, config{Path: path})
		if err != nil {
			return nil, err
		}
		url := fmt.Sprintf("http://%s/?follow=0&tail=%d", server.Addr, tailLines)
		ask = func() ([]byte, error) { return get(ctx, url) }
	}
	var took []time.Duration
	for range env.Size(50, 2) {
		begin := time.Now()
		b, err := ask()
		took = append(took, time.Since(begin))
		if err != nil {
			return nil, err
		}
		if n := bytes.Count(b, []byte{lines.Mark}); n != tailLines {
			return nil, fmt.Errorf("%d lines came", n)
		}
	}
	return harness.Sample{
		"p50_ms": milliseconds(stat.Percentile(took, 50)), "max_ms": milliseconds(stat.Percentile(took, 100)),
	}, nil
}

func get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, errors.New(res.Status)
	}
	return io.ReadAll(res.Body)
}
