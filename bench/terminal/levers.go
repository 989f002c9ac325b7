package terminal

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// window is what a larger window buys, and what it costs.
func window() harness.Scenario {
	s := harness.Scenario{
		Name:  "terminal/window",
		Title: "Terminal: the window as a lever",
		About: "Throughput, and the time from Ctrl-C to the prompt on a page that draws 1 MiB a second, both as " +
			"above, with other values of `Config.Window`. The default is 128 KiB.",
		Axis: "window in KiB",
		Columns: []harness.Column{
			{Key: "mb_s", Title: "MB/s"},
			{Key: "server_cpu_s_gb", Title: "server CPU s/GB"},
			{Key: "bytes_read", Title: "bytes a frame"},
			{Key: "prompt_ms", Title: "Ctrl-C: ms to the prompt"},
		},
	}
	for _, kib := range []int{16, 64, 128, 256, 1024} {
		s.Targets = append(s.Targets, harness.Target{Name: fmt.Sprintf("%d KiB", kib), Kind: pruvon, X: float64(kib)})
	}
	var shown int
	s.Setup = func(_ context.Context, env *harness.Env) (err error) {
		_, shown, err = writeText(filepath.Join(env.Dir, "text"), env.Size(32<<20, 256<<10))
		return err
	}
	s.Run = func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
		config := serverConfig{Window: int(t.X) << 10}
		o := output{argv: []string{"cat", filepath.Join(env.Dir, "text")}, expect: shown, config: config}
		sample, err := o.run(ctx, env, pruvon)
		if err != nil {
			return nil, err
		}
		prompt, err := runInterrupt(ctx, env, pruvon, config, func(c client) client { return newBrowser(c) })
		if err != nil {
			return nil, err
		}
		delete(sample, "client_cpu_s_gb")
		sample["prompt_ms"] = prompt["prompt_ms"]
		return sample, nil
	}
	return s
}

// ring is what the memory of past output costs.
func ring() harness.Scenario {
	s := harness.Scenario{
		Name:  "terminal/ring",
		Title: "Terminal: the ring as a lever",
		About: "Memory of the server for each of 20 sessions that have shown 8 MiB, with other values of " +
			"`Config.Ring`: how much output a client that comes back, or comes late, can be given. " +
			"The default is 1 MiB.",
		Axis:    "ring in KiB",
		Columns: []harness.Column{{Key: "kib_session", Title: "KiB each"}},
	}
	for _, kib := range []int{128, 512, 1024, 4096} {
		s.Targets = append(s.Targets, harness.Target{Name: fmt.Sprintf("%d KiB", kib), Kind: pruvon, X: float64(kib)})
	}
	s.Setup = func(_ context.Context, env *harness.Env) error {
		_, _, err := writeText(filepath.Join(env.Dir, "text"), env.Size(8<<20, 512<<10))
		return err
	}
	s.Run = func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
		script := "cat " + filepath.Join(env.Dir, "text") + "; echo ready; read x"
		srv, dial, err := startTarget(ctx, env, pruvon, serverConfig{
			Commands: map[string][]string{"t": {"/bin/sh", "-c", script}}, Ring: int(t.X) << 10,
		})
		if err != nil {
			return nil, err
		}
		before, err := srv.Collected(ctx)
		if err != nil {
			return nil, err
		}
		n := env.Size(20, 2)
		clients, err := openMany(ctx, dial, "t", n)
		if err != nil {
			return nil, err
		}
		defer closeAll(clients)
		after, err := srv.Collected(ctx)
		if err != nil {
			return nil, err
		}
		return harness.Sample{"kib_session": float64(after.Anon-before.Anon) / 1024 / float64(n)}, nil
	}
	return s
}
