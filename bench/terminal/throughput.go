package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// outputNotes is for those who miss a name.
var outputNotes = []string{
	"ttyd and gotty are not compared: neither Debian 12 nor the Go module proxy has them.",
}

func throughput() harness.Scenario {
	var length, shown int
	return harness.Scenario{
		Name:  "terminal/throughput",
		Title: "Terminal: throughput",
		About: "`cat` of coloured text, 64 MiB, through a terminal to one client that draws nothing. " +
			"The floor copies the same pty to a bare TCP connection with a buffer of 64 KiB. " +
			"Pruvon's client acknowledges what it takes, within the default window.",
		Columns: []harness.Column{
			{Key: "mb_s", Title: "MB/s", Ratio: true},
			{Key: "server_cpu_s_gb", Title: "server CPU s/GB", Ratio: true},
			{Key: "client_cpu_s_gb", Title: "client CPU s/GB"},
			{Key: "bytes_read", Title: "bytes a frame or read"},
		},
		Targets: []harness.Target{
			{Name: floor, Floor: true},
			{Name: barePty, Note: "nothing but reads of the pty, in the server: no socket, no client."},
			{Name: pruvon},
			{Name: websocketdBin, Needs: websocketd, Get: getWebsocketd, Note: "has no pty: `cat` writes into a pipe, which takes 64 KiB at once where a pty takes 4."},
			{Name: websocketd, Needs: websocketd, Get: getWebsocketd, Note: "has no pty, and sends a frame for each line."},
		},
		Notes: outputNotes,
		Goals: []harness.Goal{
			{Target: pruvon, Column: "mb_s", Ratio: true, AtLeast: 1.05},
			{Target: pruvon, Column: "server_cpu_s_gb", Ratio: true, AtMost: 1.3},
		},
		Setup: func(_ context.Context, env *harness.Env) (err error) {
			length, shown, err = writeText(filepath.Join(env.Dir, "text"), env.Size(64<<20, 256<<10))
			return err
		},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			o := output{
				argv:   []string{"cat", filepath.Join(env.Dir, "text")},
				expect: shown,
			}
			if t.Needs != "" {
				o.expect = length
			}
			if t.Name == websocketd {
				// It leaves the newlines out.
				o.expect = 2*length - shown
			}
			return o.run(ctx, env, t.Name)
		},
	}
}

// output is a command whose whole output is read.
type output struct {
	argv   []string
	expect int
	config serverConfig
}

func (o *output) run(ctx context.Context, env *harness.Env, target string) (harness.Sample, error) {
	if target == barePty {
		return o.readPty(ctx, env)
	}
	o.config.Commands = map[string][]string{"t": o.argv}
	srv, dial, err := startTarget(ctx, env, target, o.config)
	if err != nil {
		return nil, err
	}
	before, err := srv.Usage()
	if err != nil {
		return nil, err
	}
	cpu, start := selfCPU(), time.Now()
	c, err := dial(ctx, "t")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	bytes, reads, err := drain(ctx, c)
	took, cpu := time.Since(start), selfCPU()-cpu
	if err != nil {
		return nil, err
	}
	after, err := srv.Usage()
	if err != nil {
		return nil, err
	}
	if bytes != o.expect {
		return nil, fmt.Errorf("%d bytes of %d arrived", bytes, o.expect)
	}
	gb := float64(bytes) / 1e9
	return harness.Sample{
		"mb_s":            gb * 1e3 / took.Seconds(),
		"server_cpu_s_gb": (after.CPU - before.CPU).Seconds() / gb,
		"client_cpu_s_gb": cpu.Seconds() / gb,
		"bytes_read":      float64(bytes) / float64(reads),
	}, nil
}

func (o *output) readPty(ctx context.Context, env *harness.Env) (harness.Sample, error) {
	srv, err := env.Serve(ctx, rolePty, serverConfig{Commands: map[string][]string{"t": o.argv}})
	if err != nil {
		return nil, err
	}
	before, err := srv.Usage()
	if err != nil {
		return nil, err
	}
	answer, err := srv.Do(ctx, "read t")
	if err != nil {
		return nil, err
	}
	after, err := srv.Usage()
	if err != nil {
		return nil, err
	}
	var bytes, reads int
	var took time.Duration
	if _, err := fmt.Sscan(answer, &bytes, &reads, (*int64)(&took)); err != nil {
		return nil, err
	}
	if bytes != o.expect {
		return nil, fmt.Errorf("%d bytes of %d were read", bytes, o.expect)
	}
	gb := float64(bytes) / 1e9
	return harness.Sample{
		"mb_s":            gb * 1e3 / took.Seconds(),
		"server_cpu_s_gb": (after.CPU - before.CPU).Seconds() / gb,
		"bytes_read":      float64(bytes) / float64(reads),
	}, nil
}

// drain takes all output and draws nothing.
func drain(ctx context.Context, c client) (bytes, reads int, err error) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	for {
		b, err := c.Next()
		if errors.Is(err, io.EOF) {
			return bytes, reads, nil
		}
		if err != nil {
			return bytes, reads, err
		}
		bytes += len(b)
		reads++
		if err := c.Drawn(len(b)); err != nil {
			return bytes, reads, err
		}
	}
}

// selfCPU is the CPU time of this process, the client.
func selfCPU() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
