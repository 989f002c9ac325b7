package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// demoLogMost is the size at which the demo's log is rotated, by renaming as
// logrotate does, so that the demo shows that too.
const demoLogMost = 256 << 10

// addDemo fills a configuration that names no target at all: the user's shell,
// a log that something writes to, and an import that counts lines.
func (c *config) addDemo() {
	shell := os.Getenv("SHELL")
	if shell == "" {
		shell = "/bin/sh"
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	c.demo = filepath.Join(c.StateDir, "demo.log")
	c.Terminals = map[string]terminalConfig{
		"shell": {Title: "Shell", Command: []string{shell, "-l"}, Dir: home, Env: map[string]string{"LANG": "C.UTF-8"}},
	}
	c.Logs = map[string]logConfig{"demo": {Title: "Demo log", File: c.demo}}
	c.Imports = map[string]importConfig{"lines": {Title: "Count lines", Command: []string{"wc", "-l"}}}
}

// startDemo starts what writes the demo's log; wait returns when it has
// stopped after ctx's end.
func startDemo(ctx context.Context, cfg config, log *slog.Logger) (wait func()) {
	if cfg.demo == "" {
		return func() {}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := writeDemoLog(ctx, cfg.demo); err != nil {
			log.Error("demo log", "error", err)
		}
	})
	return wg.Wait
}

// writeDemoLog appends a line a second until ctx ends.
func writeDemoLog(ctx context.Context, file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for n := 1; ; n++ {
		if _, err := fmt.Fprintln(f, demoLine(n, time.Now())); err != nil {
			return err
		}
		if info, err := f.Stat(); err == nil && info.Size() > demoLogMost {
			if f, err = rotateDemoLog(f, file); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func rotateDemoLog(f *os.File, file string) (*os.File, error) {
	if err := os.Rename(file, file+".1"); err != nil {
		return f, err
	}
	next, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return f, err
	}
	return next, f.Close()
}

// demoLine looks like a small service at work.
func demoLine(n int, at time.Time) string {
	level, text := "INFO", fmt.Sprintf("request served path=/orders/%d status=200 took=%dms", 1000+n%97, 3+n*7%40)
	switch {
	case n%31 == 0:
		level, text = "ERROR", fmt.Sprintf("payment provider refused order=%d code=card_declined", 1000+n%97)
	case n%11 == 0:
		level, text = "WARN", fmt.Sprintf("slow query table=orders took=%dms", 400+n*13%900)
	}
	return fmt.Sprintf("%s %-5s %s", at.Format(time.RFC3339), level, text)
}
