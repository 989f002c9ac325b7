package imports

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/internal/procgroup"
)

const (
	// feedBuffer is the size of one write to a command's standard input.
	feedBuffer = 256 << 10
	// pipeSize is asked of the kernel for it; it may refuse.
	pipeSize = 1 << 20
	// drainFor is how long the outputs are read after nothing of the command
	// is left. Somebody else may hold them open.
	drainFor = time.Second
)

// Command returns an [Importer] that feeds a command's standard input. start
// makes the command for one import, from the server's configuration and never
// from words of the client; its Stdin, Stdout and Stderr must be nil, and an
// Env of nil means a clean environment, not the host's. policy judges how it
// ended; nil is [ExitZero].
//
// The library writes the input itself, without a shell. Standard input is
// closed only after a clean end of good input: when the input turns out to be
// damaged, or the import is canceled, the command and all that it started are
// ended first, so that it does not take the cut for the end and commit.
func Command(start func(context.Context, Info) (*exec.Cmd, error), policy ExitPolicy) Importer {
	if policy == nil {
		policy = ExitZero
	}
	return &command{start: start, policy: policy}
}

type command struct {
	start  func(context.Context, Info) (*exec.Cmd, error)
	policy ExitPolicy
}

// Import implements [Importer].
func (c *command) Import(ctx context.Context, src io.Reader, job *Job) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	cmd, err := c.start(ctx, job.Info())
	if err != nil {
		return &Failure{Title: "The import command cannot be set up", Err: err}
	}
	p, err := startPiped(ctx, job.j.h.procs, cmd, "import "+job.Info().Target)
	if err != nil {
		return err
	}
	defer p.close()
	tail := &tailBuffer{limit: 16 << 10}
	var readers sync.WaitGroup
	readers.Go(func() { readOutput(p.stdout, func(b []byte) { job.Output(Stdout, b) }) })
	readers.Go(func() {
		readOutput(p.stderr, func(b []byte) {
			tail.write(b)
			job.Output(Stderr, b)
		})
	})

	fed := make(chan error, 1)
	go func() { fed <- feed(p.stdin, src) }()
	fedErr, canceled := p.supervise(ctx, fed)
	if !canceled {
		p.settle(&readers)
	}
	p.end()
	if !canceled && fedErr == errUnread {
		<-fed // the write was cut by the closing above
	}
	p.drain(&readers)
	if canceled {
		return context.Cause(ctx)
	}
	if fedErr != nil && fedErr != errUnread && !errors.Is(fedErr, syscall.EPIPE) {
		return fedErr
	}
	v := c.policy(ExitStatus{Exit: p.exit(), Stderr: tail.bytes()})
	for _, w := range v.Warnings {
		job.Warn(w)
	}
	if v.Failed {
		return &Failure{Exit: p.exit(), Title: v.Title, Detail: v.Detail, Hint: v.Hint}
	}
	job.r.setExit(p.exit())
	if fedErr != nil {
		job.Warn(fmt.Sprintf("the command ended well without reading all of its input (%d bytes were read)", job.r.consumed()))
	}
	return nil
}

// errUnread says that the command was gone before all input was written.
var errUnread = errors.New("the command did not read all of its input")

// piped is a started command with its three pipes.
type piped struct {
	group                 *procgroup.Group
	stdin, stdout, stderr *os.File
	closeStdin            func()
}

func startPiped(ctx context.Context, procs *procgroup.Manager, cmd *exec.Cmd, name string) (_ *piped, err error) {
	if cmd.Stdin != nil || cmd.Stdout != nil || cmd.Stderr != nil {
		return nil, &Failure{Title: "The import command cannot be set up", Err: errors.New("its standard streams are set; they must be nil")}
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	pipe := func() (r, w *os.File) {
		if err == nil {
			if r, w, err = os.Pipe(); err == nil {
				files = append(files, r, w)
			}
		}
		return r, w
	}
	p := &piped{}
	var inR, outW, errW *os.File
	inR, p.stdin = pipe()
	p.stdout, outW = pipe()
	p.stderr, errW = pipe()
	if err != nil {
		return nil, err
	}
	grow(p.stdin)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inR, outW, errW
	p.group, err = procs.Start(ctx, procgroup.Spec{Cmd: cmd, KillOnParentDeath: true, Name: name})
	if err != nil {
		return nil, startFailure(ctx, err)
	}
	files = []*os.File{inR, outW, errW} // the child has its own
	p.closeStdin = sync.OnceFunc(func() { _ = p.stdin.Close() })
	return p, nil
}

func startFailure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	f := &Failure{Title: "The import command could not be started", Err: err}
	var start *procgroup.StartError
	switch {
	case errors.Is(err, procgroup.ErrExhausted):
		f.Detail, f.Hint = "the server has run out of processes or descriptors", "try again later"
	case errors.As(err, &start) && start.Fault == procgroup.FaultCommand:
		f.Detail, f.Hint = "the program does not exist or is not executable", "check the target's command"
	case errors.As(err, &start) && start.Fault == procgroup.FaultDir:
		f.Detail, f.Hint = "its working directory cannot be used", "check the target's command"
	}
	return f
}

// grow asks for a larger pipe: fewer switches between the two sides.
func grow(f *os.File) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) { _, _ = unix.FcntlInt(fd, unix.F_SETPIPE_SZ, pipeSize) })
}

// feed writes src to the command. It closes nothing: that is a decision.
func feed(w io.Writer, src io.Reader) error {
	buf := feedPool.Get().(*[]byte)
	defer feedPool.Put(buf)
	for {
		n, err := src.Read(*buf)
		if n > 0 {
			if _, werr := w.Write((*buf)[:n]); werr != nil {
				return werr
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// feedPool holds buffers only, no state: what is in one is overwritten before
// it is read.
var feedPool = sync.Pool{New: func() any { b := make([]byte, feedBuffer); return &b }}

// supervise waits for the command. The input's end closes its standard input;
// bad input or the end of ctx ends the command instead.
func (p *piped) supervise(ctx context.Context, fed chan error) (fedErr error, canceled bool) {
	finished := p.group.Done()
	fedErr = errUnread
	for {
		select {
		case err := <-fed:
			fedErr, fed = err, nil
			if err == nil {
				p.closeStdin()
				continue
			}
			if !errors.Is(err, syscall.EPIPE) {
				p.end() // with standard input still open
				return fedErr, false
			}
		case <-finished:
			if fed == nil {
				return fedErr, false
			}
			// Either the write is about to fail, or it has just ended; a
			// background process that holds the pipe must not keep it.
			select {
			case fedErr = <-fed:
			case <-time.After(drainFor):
			}
			return fedErr, false
		case <-ctx.Done():
			p.end()
			if fed != nil {
				<-fed
			}
			return nil, true
		}
	}
}

// end ends what is left of the command and closes its standard input, in this
// order.
func (p *piped) end() {
	_, _ = p.group.End(context.Background())
	p.closeStdin()
}

// settle lets helpers of a command that has exited finish what they print
// (command > >(gzip), say) before they are ended, for as long as a drain takes.
func (p *piped) settle(readers *sync.WaitGroup) {
	done := make(chan struct{})
	go func() {
		readers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(drainFor):
	}
}

// drain waits for the outputs' end, which has come unless a survivor holds
// them.
func (p *piped) drain(readers *sync.WaitGroup) {
	deadline := time.Now().Add(drainFor)
	_ = p.stdout.SetReadDeadline(deadline)
	_ = p.stderr.SetReadDeadline(deadline)
	readers.Wait()
}

func (p *piped) close() {
	p.end()
	_ = p.stdout.Close()
	_ = p.stderr.Close()
}

func (p *piped) exit() *Exit {
	select {
	case <-p.group.Done():
	default:
		return nil // not even SIGKILL has ended it yet
	}
	e := p.group.Exit()
	if e.Signal != 0 {
		name := unix.SignalName(e.Signal)
		return &Exit{Signal: &name}
	}
	return &Exit{Code: &e.Code}
}

func readOutput(f *os.File, sink func([]byte)) {
	buf := make([]byte, 16<<10)
	for {
		n, err := f.Read(buf)
		if n > 0 {
			sink(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

// tailBuffer keeps the first and the last bytes of a command's standard error
// for its exit policy.
type tailBuffer struct {
	limit int
	mu    sync.Mutex
	head  []byte
	tail  []byte
}

func (t *tailBuffer) write(b []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := min(len(b), t.limit-len(t.head)); n > 0 {
		t.head = append(t.head, b[:n]...)
		b = b[n:]
	}
	t.tail = append(t.tail, b...)
	if over := len(t.tail) - t.limit; over > 0 {
		t.tail = append(t.tail[:0], t.tail[over:]...)
	}
}

func (t *tailBuffer) bytes() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Join([][]byte{t.head, t.tail}, nil)
}
