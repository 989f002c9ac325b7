package terminal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"time"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/internal/procgroup"
)

// spawnLimit is how many terminals are opened, and how many commands started,
// at once. Each holds an OS thread, which Go keeps, and the kernel does both
// one at a time anyway.
const spawnLimit = 3

// spawnMax is how long a start may wait for its turn.
const spawnMax = 10 * time.Second

// prepared is what a new session needs that can run out: a place under the
// caps and a pseudo-terminal. Both are taken before the upgrade, so that their
// lack can be answered with a status.
type prepared struct {
	place func()
	pty   *ptyPair
	size  Size
	err   error // why there is none; the client may still resume a session
}

// prepare takes what a new session needs. The error is a *gate.Problem.
func (h *Handler) prepare(who gate.Principal, set *settings, size Size) (*prepared, error) {
	p := &prepared{size: size}
	release, err := h.guard.Reserve(who.User, who.Addr)
	if err != nil {
		return p, err
	}
	p.place = release
	if set.Command == nil {
		return p, nil
	}
	h.opening <- struct{}{}
	pair, err := openPty(size)
	<-h.opening
	if err != nil {
		p.release()
		return p, &gate.Problem{
			Name: "exhausted", Title: "Service unavailable", Status: http.StatusServiceUnavailable,
			Detail: "no terminal is free now", Hint: "raise kernel.pty.max or the limit of open files, or close sessions",
			RetryAfter: 5 * time.Second, Err: err,
		}
	}
	p.pty = pair
	return p, nil
}

// takePlace hands the reserved place to a session.
func (p *prepared) takePlace() func() {
	place := p.place
	p.place = nil
	return place
}

// release gives back what no session has taken.
func (p *prepared) release() {
	if p.place != nil {
		p.place()
		p.place = nil
	}
	if p.pty != nil {
		p.pty.close()
		p.pty = nil
	}
}

// spawn starts the process of a session.
func (p *prepared) spawn(ctx context.Context, a *attachment, size Size) (_ Process, err error) {
	ctx, cancel := context.WithTimeout(ctx, spawnMax)
	defer cancel()
	defer gate.Caught("start function", &err)
	st := Start{Name: a.name, User: a.who.User, Size: size, Request: a.r}
	if a.set.Open != nil {
		p, err := a.set.Open(ctx, st)
		if err == nil && p == nil {
			err = errors.New("the host's Open returned no process")
		}
		return guarded{p}, err
	}
	cmd, err := a.set.Command(ctx, st)
	if err == nil && cmd == nil {
		err = errors.New("the host's Command returned no command")
	}
	if err != nil {
		return nil, err
	}
	pair := p.pty
	p.pty = nil
	if err := pair.resize(size); err != nil {
		pair.close()
		return nil, err
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = pair.slave, pair.slave, pair.slave
	cmd.Env = commandEnv(cmd.Env)
	g, err := a.h.procs.Start(ctx, procgroup.Spec{
		Cmd: cmd, Terminal: true, KeepDaemons: a.set.KeepDaemons, Name: a.name,
	})
	_ = pair.slave.Close()
	if err != nil {
		_ = pair.master.Close()
		return nil, err
	}
	c := &command{pty: pair, group: g}
	c.ptyReader.init(pair.raw, a.h.slots)
	return c, nil
}

// commandEnv completes a command's environment with what a terminal program
// needs. Nil becomes the clean one.
func commandEnv(env []string) []string {
	if env == nil {
		return procgroup.CleanEnv("TERM=xterm-256color", "COLORTERM=truecolor")
	}
	for _, kv := range env {
		if strings.HasPrefix(kv, "TERM=") {
			return env
		}
	}
	return append([]string{"TERM=xterm-256color", "COLORTERM=truecolor"}, env...)
}

// spawnDetail is what a client may know of a command that did not start.
func spawnDetail(err error) (detail string, retryable bool) {
	var se *procgroup.StartError
	switch {
	case errors.Is(err, procgroup.ErrExhausted), exhausted(err):
		return "the server cannot start another process now", true
	case errors.Is(err, procgroup.ErrClosed):
		return "the server is shutting down", true
	case errors.Is(err, exec.ErrNotFound):
		return "the terminal's command was not found", false
	case errors.As(err, &se) && se.Fault == procgroup.FaultCommand:
		return "the terminal's command does not exist or cannot be executed", false
	case errors.As(err, &se) && se.Fault == procgroup.FaultDir:
		return "the terminal's working directory is missing or not accessible", false
	default:
		return "the terminal's command could not be started", false
	}
}

// endDetail is the exit message's text for a reason that needs no more.
func endDetail(r Reason) string {
	switch r {
	case ReasonExited:
		return "the command has ended"
	case ReasonKilled:
		return "the session was ended by the server"
	case ReasonIdle:
		return "nobody has typed for too long"
	case ReasonLifetime:
		return "the session has reached its greatest age"
	case ReasonRevoked:
		return "access has been withdrawn"
	case ReasonDetached:
		return "nobody came back to the session in time"
	case ReasonShutdown:
		return "the server is shutting down"
	case ReasonFault:
		return "the session could not be recorded any longer"
	default:
		return ""
	}
}

// exitDetail describes how a command ended.
func exitDetail(x Exit) string {
	switch {
	case x.Signal != "":
		return "signal " + x.Signal
	case x.Code >= 0:
		return fmt.Sprintf("exit code %d", x.Code)
	default:
		return "exit code unknown"
	}
}
