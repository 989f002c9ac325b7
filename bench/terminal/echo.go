package terminal

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/stat"
)

const (
	pruvonIdle  = "pruvon, 1,000 idle"
	pruvonNginx = "pruvon, nginx"
	pruvonBoth  = "pruvon, nginx, 1,000 idle"
	floorIdle   = "floor, 1,000 idle"
)

// echoCommand answers each byte with itself, as an editor does that has the terminal in raw mode.
var echoCommand = []string{"/bin/sh", "-c", "stty raw -echo; echo ready; exec cat"}

// idleCommand is a shell at its prompt.
var idleCommand = []string{"/bin/sh", "-c", "echo ready; read x"}

// typePause is the time between an echo and the next key. A key right after an echo would find everything
// awake, which a person's key does not.
const typePause = 2 * time.Millisecond

var echoColumns = []harness.Column{
	{Key: "p50_us", Title: "p50 µs", Ratio: true},
	{Key: "p99_us", Title: "p99 µs"},
}

func echo() harness.Scenario {
	return harness.Scenario{
		Name:  "terminal/echo",
		Title: "Terminal: echo of a key",
		About: "1,000 keys, one after the other, into a terminal in raw mode that `cat` answers: the time from " +
			"sending a key to having its echo. Beside it nothing, or 1,000 idle sessions; direct, or " +
			"through nginx with TLS.",
		Columns: append(echoColumns[:2:2], harness.Column{Key: "cpu_us_key", Title: "server CPU µs/key"}),
		Targets: []harness.Target{
			{Name: floor, Floor: true},
			{Name: floorIdle},
			{Name: pruvon},
			{Name: pruvonIdle},
			{Name: pruvonNginx, Needs: nginx, Get: getNginx},
			{Name: pruvonBoth, Needs: nginx, Get: getNginx},
			{Name: websocketdBin, Needs: websocketd, Get: getWebsocketd, Note: "has no pty: `cat` reads and writes pipes."},
		},
		Goals: []harness.Goal{
			{Target: pruvonIdle, Column: "p99_us", AtMost: 1000},
			{Target: pruvonNginx, Column: "p99_us", AtMost: 3000},
			{Target: pruvonBoth, Column: "p99_us", AtMost: 3000},
		},
		Run: runEcho,
	}
}

func runEcho(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
	idle, kind := 0, t.Name
	switch t.Name {
	case pruvonIdle:
		idle, kind = env.Size(1000, 10), pruvon
	case floorIdle:
		idle, kind = env.Size(1000, 10), floor
	case pruvonBoth:
		idle, kind = env.Size(1000, 10), pruvonNginx
	}
	return measureEcho(ctx, env, kind, idle)
}

// measureEcho types into one terminal beside a number of idle ones.
func measureEcho(ctx context.Context, env *harness.Env, kind string, idle int) (harness.Sample, error) {
	config := serverConfig{Commands: map[string][]string{"t": echoCommand, "idle": idleCommand}}
	if kind == websocketdBin {
		config.Commands["t"] = []string{"/bin/sh", "-c", "echo ready; exec cat"}
	}
	if idle > 0 {
		// As many floors with a buffer of 64 KiB and a blocked thread would be no floor.
		config.Buffer, config.Poll = 4<<10, true
	}
	srv, dial, err := startTarget(ctx, env, kind, config)
	if err != nil {
		return nil, err
	}
	beside, err := openMany(ctx, dial, "idle", idle)
	if err != nil {
		return nil, err
	}
	defer closeAll(beside)
	c, err := openReady(ctx, dial, "t")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	keys := env.Size(1000, 20)
	before, err := srv.Usage()
	if err != nil {
		return nil, err
	}
	took, err := echoes(ctx, c, keys)
	if err != nil {
		return nil, err
	}
	after, err := srv.Usage()
	if err != nil {
		return nil, err
	}
	sample := percentiles(took)
	sample["cpu_us_key"] = float64((after.CPU - before.CPU).Microseconds()) / float64(keys)
	return sample, nil
}

func echoFlood() harness.Scenario {
	return harness.Scenario{
		Name:  "terminal/echo-flood",
		Title: "Terminal: echo of a key beside a flood",
		About: "As above, while another session of the same server shows coloured text without end, " +
			"to a client that takes it as fast as it comes.",
		Columns: append(echoColumns[:2:2], harness.Column{Key: "flood_mb_s", Title: "flood MB/s", Ratio: true}),
		Targets: []harness.Target{
			{Name: floor, Floor: true},
			{Name: pruvon},
			{Name: pruvonNginx, Needs: nginx, Get: getNginx},
		},
		Goals: []harness.Goal{{Target: pruvon, Column: "p99_us", AtMost: 1500}},
		Run:   runEchoFlood,
		Setup: func(_ context.Context, env *harness.Env) error {
			_, _, err := writeText(env.Dir+"/text", env.Size(16<<20, 256<<10))
			return err
		},
	}
}

func runEchoFlood(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
	_, dial, err := startTarget(ctx, env, t.Name, serverConfig{Commands: map[string][]string{
		"t":     echoCommand,
		"flood": {"/bin/sh", "-c", "while cat " + env.Dir + "/text; do :; done"},
	}})
	if err != nil {
		return nil, err
	}
	flood, err := dial(ctx, "flood")
	if err != nil {
		return nil, err
	}
	var work sync.WaitGroup
	defer work.Wait()
	defer flood.Close()
	if _, err := flood.Next(); err != nil {
		return nil, err
	}
	var flooded atomic.Int64
	work.Go(func() {
		for {
			b, err := flood.Next()
			if err != nil || flood.Drawn(len(b)) != nil {
				return
			}
			flooded.Add(int64(len(b)))
		}
	})
	c, err := openReady(ctx, dial, "t")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	from, start := flooded.Load(), time.Now()
	took, err := echoes(ctx, c, env.Size(1000, 20))
	if err != nil {
		return nil, err
	}
	sample := percentiles(took)
	sample["flood_mb_s"] = float64(flooded.Load()-from) / 1e6 / time.Since(start).Seconds()
	return sample, nil
}

// echoes types keys and returns how long each took to come back.
func echoes(ctx context.Context, c client, keys int) ([]time.Duration, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	took := make([]time.Duration, 0, keys)
	for range keys {
		start := time.Now()
		if err := c.Type([]byte("k")); err != nil {
			return nil, err
		}
		b, err := c.Next()
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
		if err := c.Drawn(len(b)); err != nil {
			return nil, err
		}
		time.Sleep(typePause)
	}
	return took, nil
}

func percentiles(took []time.Duration) harness.Sample {
	return harness.Sample{
		"p50_us": float64(stat.Percentile(took, 50).Nanoseconds()) / 1e3,
		"p99_us": float64(stat.Percentile(took, 99).Nanoseconds()) / 1e3,
	}
}

// openReady opens a terminal and waits until its command says that it is ready.
func openReady(ctx context.Context, dial dialer, name string) (client, error) {
	c, err := dial(ctx, name)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	const word = "ready"
	for seen := []byte(nil); !bytes.Contains(seen, []byte(word)); {
		b, err := c.Next()
		if err == nil {
			err = c.Drawn(len(b))
		}
		if err != nil {
			_ = c.Close()
			return nil, err
		}
		seen = append(seen[max(0, len(seen)-len(word)):], b...)
	}
	return c, nil
}
