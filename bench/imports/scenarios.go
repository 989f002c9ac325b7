package imports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// block is what uploads consist of.
var block = []byte(strings.Repeat("INSERT INTO t VALUES (1, 'some row of a dump');\n", 1<<10))

// partSize is a part of an upload in parts, the largest that the page sends.
const partSize = 8 << 20

// Scenarios are the comparisons of this package.
func Scenarios() []harness.Scenario {
	size := int64(256 << 20)
	if os.Getenv("BENCH_FULL") == "1" {
		size = 1 << 30
	}
	return []harness.Scenario{
		upload("imports/upload", "Imports: an upload in one request", size, 0),
		upload("imports/parts", "Imports: an upload in parts of 8 MiB", size, partSize),
		feed(size),
	}
}

func bytesOf(env *harness.Env, full int64) int64 { return int64(env.Size(int(full), 4<<20)) }

func upload(name, title string, full, part int64) harness.Scenario {
	s := harness.Scenario{
		Name: name, Title: title,
		About: fmt.Sprintf("%d MiB over loopback into a file, from the first byte to the answer. The floor is a handler that does io.Copy and nothing else. "+
			"The memory is the most that the server's process held, less what it held before.", full>>20),
		Columns: []harness.Column{
			{Key: "mb_s", Title: "MB/s", Ratio: true},
			{Key: "server_cpu_s_gb", Title: "server CPU s/GB", Ratio: true},
			{Key: "growth_mb", Title: "peak memory growth MB"},
			{Key: "peak_mb", Title: "peak memory MB"},
		},
		Targets: []harness.Target{{Name: floor, Floor: true}, {Name: pruvon}, {Name: tusd}},
		Goals: []harness.Goal{
			{Target: pruvon, Column: "mb_s", Ratio: true, AtLeast: 0.95},
			{Target: pruvon, Column: "growth_mb", AtMost: 8},
		},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			return measureUpload(ctx, env, t.Name, bytesOf(env, full), part)
		},
	}
	return s
}

func measureUpload(ctx context.Context, env *harness.Env, kind string, n, part int64) (harness.Sample, error) {
	dir, err := env.TempDir()
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) // before the next one has to share the disk with it
	server, err := env.Serve(ctx, role(kind), config{Dir: dir})
	if err != nil {
		return nil, err
	}
	c := newClient(server.Addr)
	defer c.close()
	// A first one, so that code and connection are warm, and pruvon's only
	// slot is taken: what is measured afterwards waits in its queue.
	if err := c.upload(ctx, kind, 1<<20, 0); err != nil {
		return nil, err
	}
	before, err := server.Usage()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := c.upload(ctx, kind, n, part); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	after, err := server.Usage()
	if err != nil {
		return nil, err
	}
	return harness.Sample{
		"mb_s":            float64(n) / 1e6 / took.Seconds(),
		"server_cpu_s_gb": (after.CPU - before.CPU).Seconds() / (float64(n) / 1e9),
		"growth_mb":       float64(after.Peak-before.RSS) / 1e6,
		"peak_mb":         float64(after.Peak) / 1e6,
	}, nil
}

// sink is the command that is fed: it reads everything.
const sink = "cat >/dev/null"

func feed(full int64) harness.Scenario {
	return harness.Scenario{
		Name: "imports/feed", Title: "Imports: feeding a command",
		About: fmt.Sprintf("A file of %d MiB that is on the server into the standard input of `%s`, beside a shell's `cat file | %s`. "+
			"Pruvon's time is that of the whole import: its journal, its progress, the start and the end of the command.", full>>20, sink, sink),
		Columns: []harness.Column{{Key: "mb_s", Title: "MB/s", Ratio: true}},
		Targets: []harness.Target{{Name: "cat file | command", Kind: "cat", Floor: true}, {Name: pruvon, Kind: pruvon}},
		Goals:   []harness.Goal{{Target: pruvon, Column: "mb_s", Ratio: true, AtLeast: 0.9}},
		Setup: func(_ context.Context, env *harness.Env) error {
			f, err := os.Create(filepath.Join(env.Dir, "dump.sql"))
			if err != nil {
				return err
			}
			defer f.Close()
			for left := bytesOf(env, full); left > 0; left -= int64(len(block)) {
				if _, err := f.Write(block); err != nil {
					return err
				}
			}
			return nil
		},
		Run: runFeed,
	}
}

func runFeed(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
	name := filepath.Join(env.Dir, "dump.sql")
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	work := func() error {
		return exec.CommandContext(ctx, "/bin/sh", "-c", `cat "$0" | `+sink, name).Run()
	}
	if t.Kind == pruvon {
		dir, err := env.TempDir()
		if err != nil {
			return nil, err
		}
		server, err := env.Serve(ctx, role(pruvon), config{Dir: dir, Files: env.Dir, Command: sink})
		if err != nil {
			return nil, err
		}
		c := newClient(server.Addr)
		defer c.close()
		work = func() error { return c.fromServer(ctx, "dump.sql") }
	}
	if err := work(); err != nil { // the file is in the page cache from now on
		return nil, err
	}
	begin := time.Now()
	if err := work(); err != nil {
		return nil, err
	}
	return harness.Sample{"mb_s": float64(info.Size()) / 1e6 / time.Since(begin).Seconds()}, nil
}

// succeeded looks for the end in the events of an import.
func succeeded(events []byte) error {
	if !bytes.Contains(events, []byte(`"outcome":"succeeded"`)) {
		return errors.New("the import did not succeed")
	}
	return nil
}
