package terminal

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// promptAfterInterrupt prints lines until Ctrl-C, then a prompt.
var promptAfterInterrupt = []string{"/bin/sh", "-c", "trap 'echo PROMPT; sleep 1000' INT; yes"}

// lineSpeed is how many bytes a second a slow page draws, or a slow line carries.
const lineSpeed = 1 << 20

func interrupt() harness.Scenario {
	return interruptScenario("terminal/interrupt", "Terminal: Ctrl-C under `yes`, slow page",
		"The client takes all off the socket, as a browser does, and draws 1 MiB of it a second. After one "+
			"second of `yes` it sends Ctrl-C: the time until it draws the prompt, and how much it had to draw "+
			"before. Without flow control the time grows with how long `yes` has been running.",
		250, func(c client) client { return newBrowser(c) })
}

func interruptLine() harness.Scenario {
	return interruptScenario("terminal/interrupt-line", "Terminal: Ctrl-C under `yes`, slow line",
		"The same with a client that reads 1 MiB a second off the socket and draws it at once. What is on "+
			"the way then waits in the kernel's buffers of both ends.",
		350, func(c client) client { return c })
}

func interruptScenario(name, title, about string, goal float64, wrap func(client) client) harness.Scenario {
	return harness.Scenario{
		Name: name, Title: title, About: about,
		Columns: []harness.Column{
			{Key: "prompt_ms", Title: "ms to the prompt", Ratio: true},
			{Key: "queued_kib", Title: "KiB before it"},
		},
		Targets: []harness.Target{
			{Name: floor, Floor: true},
			{Name: pruvon},
		},
		Goals: []harness.Goal{{Target: pruvon, Column: "prompt_ms", AtMost: goal}},
		Notes: []string{"websocketd has no pty, so Ctrl-C is a byte like any other."},
		Run: func(ctx context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
			return runInterrupt(ctx, env, t.Name, serverConfig{}, wrap)
		},
	}
}

func runInterrupt(ctx context.Context, env *harness.Env, target string, config serverConfig, wrap func(client) client) (harness.Sample, error) {
	config.Commands = map[string][]string{"t": promptAfterInterrupt}
	_, dial, err := startTarget(ctx, env, target, config)
	if err != nil {
		return nil, err
	}
	c, err := dial(ctx, "t")
	if err != nil {
		return nil, err
	}
	c = wrap(c)
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	took, queued, err := drawUntilPrompt(c, env.Size(lineSpeed, 8<<20), env.Size(lineSpeed, 128<<10))
	if err != nil {
		return nil, err
	}
	return harness.Sample{"prompt_ms": float64(took.Microseconds()) / 1e3, "queued_kib": float64(queued) / 1024}, nil
}

// drawUntilPrompt draws speed bytes a second. Once it has drawn the given number it sends Ctrl-C, and
// returns how long it takes to draw the prompt and how much was drawn meanwhile.
func drawUntilPrompt(c client, speed, after int) (took time.Duration, queued int, err error) {
	const piece = 4 << 10
	var sent time.Time
	var last []byte // the end of what was drawn before, where a prompt may begin
	drawn := 0
	at := time.Now()
	for {
		b, err := c.Next()
		if err != nil {
			return 0, 0, err
		}
		for len(b) > 0 {
			n := min(piece, len(b))
			if now := time.Now(); at.Before(now.Add(-100 * time.Millisecond)) {
				at = now // nothing came for a while
			}
			at = at.Add(time.Duration(n) * time.Second / time.Duration(speed))
			time.Sleep(time.Until(at))
			drawn += n
			if err := c.Drawn(n); err != nil {
				return 0, 0, err
			}
			if sent.IsZero() && drawn >= after {
				if err := c.Type([]byte{0x03}); err != nil {
					return 0, 0, err
				}
				sent, queued = time.Now(), -drawn
			}
			if last = append(last, b[:n]...); bytes.Contains(last, []byte("PROMPT")) {
				return time.Since(sent), queued + drawn, nil
			}
			last = append(last[:0], last[max(0, len(last)-len("PROMPT")):]...)
			b = b[n:]
		}
	}
}

// browser takes everything off the socket as it comes, whether or not it is wanted yet.
type browser struct {
	client

	mu    sync.Mutex
	queue [][]byte
	err   error
	woken chan struct{}
	done  chan struct{}
}

func newBrowser(c client) *browser {
	b := &browser{client: c, woken: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(b.done)
		for b.take() {
		}
	}()
	return b
}

func (b *browser) take() bool {
	piece, err := b.client.Next()
	b.mu.Lock()
	if err != nil {
		b.err = err
	} else {
		b.queue = append(b.queue, bytes.Clone(piece))
	}
	b.mu.Unlock()
	select {
	case b.woken <- struct{}{}:
	default:
	}
	return err == nil
}

// Next is part of client: the oldest that has not been drawn.
func (b *browser) Next() ([]byte, error) {
	for {
		b.mu.Lock()
		if len(b.queue) > 0 {
			piece := b.queue[0]
			b.queue = b.queue[1:]
			b.mu.Unlock()
			return piece, nil
		}
		err := b.err
		b.mu.Unlock()
		if err != nil {
			return nil, err
		}
		<-b.woken
	}
}

// Close is part of client.
func (b *browser) Close() error {
	err := b.client.Close()
	<-b.done
	return err
}
