package logs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/internal/procgroup"
)

const (
	defaultBackoff    = time.Second
	defaultBackoffMax = 30 * time.Second
	// steady is how long a command must have run for its next failure to be
	// treated as a first one.
	steady = time.Minute
	// drainFor is how long what a command wrote is read after it has exited:
	// something it left behind may hold the pipe open for ever.
	drainFor = time.Second
	// endFor bounds the ending of a command's tree.
	endFor = 15 * time.Second
)

// commandSource runs a command and reads its two pipes.
type commandSource struct {
	make       func(context.Context) *exec.Cmd
	first, max time.Duration
	never      bool
}

// CommandOption changes how [Command] works.
type CommandOption func(*commandSource)

// Backoff is the time before a command that failed is started again: first,
// then twice as long each time, up to most. 0 = 1 s and 30 s. A negative first
// never starts it again.
func Backoff(first, most time.Duration) CommandOption {
	return func(c *commandSource) {
		c.never = first < 0
		c.first = orDefault(first, defaultBackoff, 0)
		c.max = max(orDefault(most, defaultBackoffMax, 0), c.first)
	}
}

// Command is a program whose output is a log. Make returns a command that has
// not been started; it is called again for each run. Standard output and error
// are pipes, not a terminal, both read all the time; standard input is empty;
// an Env of nil is not the host's whole environment but PATH, HOME, LANG and
// the like.
//
// The command starts with the first viewer and ends, its whole process tree
// with it, when the last one has been gone for Config.Linger. If it exits with
// 0 the log is at its end; if it fails, it is started again after a while.
//
//	logs.Command(func(ctx context.Context) *exec.Cmd {
//		return exec.CommandContext(ctx, "journalctl", "-f", "-n", "0", "-o", "short-iso")
//	})
//
// Ask a command for new lines only (journalctl -n 0, docker logs --tail 0):
// what it repeats at each start would be seen again.
func Command(make func(context.Context) *exec.Cmd, opts ...CommandOption) Source {
	c := &commandSource{make: make, first: defaultBackoff, max: defaultBackoffMax}
	for _, o := range opts {
		o(c)
	}
	return c
}

func (c *commandSource) validate() error {
	if c.make == nil {
		return errors.New("command: the function is nil")
	}
	return nil
}

type commandsKey struct{}

// commands is what the command sources of a Handler share.
type commands struct {
	procs    *procgroup.Manager
	children prometheus.Gauge
}

func withCommands(ctx context.Context, p *procgroup.Manager, children prometheus.Gauge) context.Context {
	return context.WithValue(ctx, commandsKey{}, commands{p, children})
}

var errNoHandler = errors.New("logs: a command source runs inside a Handler only")

// Follow runs the command until ctx ends or the command succeeds.
func (c *commandSource) Follow(ctx context.Context, _ Position, out Sink) error {
	shared, ok := ctx.Value(commandsKey{}).(commands)
	if !ok {
		return errNoHandler
	}
	pause := backoff{first: c.first, most: c.max}
	for run := 0; ; run++ {
		began := time.Now()
		exit, err := c.run(ctx, shared, &lockedSink{Sink: out})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var start *procgroup.StartError
		if errors.As(err, &start) && run == 0 || err != nil && start == nil {
			return errors.Join(err, out.Note(Note{State: Exited, Detail: exitText(exit, err)}))
		}
		if err := out.Note(Note{State: Exited, Detail: exitText(exit, err)}); err != nil {
			return err
		}
		switch {
		case err == nil && exit.Code == 0:
			return nil
		case c.never:
			return fmt.Errorf("the command ended: %s", exitText(exit, err))
		}
		if sleep(ctx, pause.after(time.Since(began))); ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := out.Note(Note{State: Replaced, Detail: "started again"}); err != nil {
			return err
		}
	}
}

// backoff is how long to wait before a command is started again.
type backoff struct{ first, most, next time.Duration }

// after is the time to wait after a run that took so long.
func (b *backoff) after(ran time.Duration) time.Duration {
	if b.next == 0 || ran >= steady {
		b.next = b.first
	}
	wait := b.next
	b.next = min(2*wait, b.most)
	return wait
}

// exitText says how a run ended.
func exitText(e procgroup.Exit, err error) string {
	var start *procgroup.StartError
	switch {
	case errors.As(err, &start):
		return "could not be started: " + string(start.Fault)
	case err != nil:
		return "failed"
	case e.Signal != 0:
		return "signal " + e.Signal.String()
	case e.Err != nil:
		return "exit status unknown" // somebody else in the process waited for it
	}
	return fmt.Sprintf("exit status %d", e.Code)
}

// run is one run of the command. Nothing of it is left when it returns.
func (c *commandSource) run(ctx context.Context, shared commands, out *lockedSink) (procgroup.Exit, error) {
	cmd := c.make(ctx)
	if cmd == nil {
		return procgroup.Exit{}, errors.New("no command")
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return procgroup.Exit{}, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return procgroup.Exit{}, err
	}
	g, err := shared.procs.Start(ctx, procgroup.Spec{Cmd: cmd, KillOnParentDeath: true, Name: "logs"})
	if err != nil {
		return procgroup.Exit{}, err
	}
	shared.children.Inc()
	defer shared.children.Dec()
	var pumps sync.WaitGroup
	pumps.Go(func() { pump(stdout, Stdout, out) })
	pumps.Go(func() { pump(stderr, Stderr, out) })
	drained := make(chan struct{})
	go func() {
		pumps.Wait()
		close(drained)
	}()
	select {
	case <-g.Done():
		select {
		case <-drained:
		case <-time.After(drainFor):
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), endFor)
	defer cancel()
	_, err = g.End(end)
	// Whatever holds a pipe open now has escaped; the pumps must not wait
	// for it.
	_ = stdout.Close()
	_ = stderr.Close()
	<-drained
	return g.Exit(), err
}

// pump reads one pipe to its end. It reads on whatever the sink says: a pipe
// that is not read blocks the command.
func pump(in io.Reader, s Stream, out *lockedSink) {
	sp := splitter{max: maxLine + redactAhead}
	buf := make([]byte, 32<<10)
	deadline, _ := in.(interface{ SetReadDeadline(time.Time) error })
	begun := false // the beginning of a line was given out
	for {
		n, err := in.Read(buf)
		out.mu.Lock()
		if n > 0 {
			now := time.Now()
			_ = sp.split(buf[:n], func(p piece) error {
				begun = false
				return out.piece(p, now, s)
			})
		}
		timeout := errors.Is(err, os.ErrDeadlineExceeded)
		if err != nil {
			p, ok := sp.unfinished(!timeout)
			// A line of which all has been given out ends with the pipe.
			if ok || begun && !timeout {
				begun = p.more
				_ = out.piece(p, time.Now(), s)
			}
		}
		_ = out.Flush()
		out.mu.Unlock()
		if err != nil && !timeout {
			return
		}
		if deadline != nil {
			at := time.Time{}
			if sp.pending() > 0 {
				at = time.Now().Add(holdPartial)
			}
			_ = deadline.SetReadDeadline(at)
		}
	}
}

// lockedSink lets two pumps share a sink.
type lockedSink struct {
	Sink
	mu sync.Mutex
}

func (l *lockedSink) piece(p piece, at time.Time, s Stream) error {
	if p.more || p.length > int64(len(p.text)) {
		return l.Fragment(p.text, at, s, p.length, p.more, nil)
	}
	return l.Line(p.text, at, s, nil)
}
