package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pruvon/pruvon/bench/internal/procfs"
)

// patience is how long a server may take to start, or to end by itself.
const patience = 20 * time.Second

// Server is a server in a process of its own.
type Server struct {
	// Addr is where it listens: "127.0.0.1:4711".
	Addr string
	// PID is its process, which /proc tells about.
	PID int

	cmd    *exec.Cmd
	stderr *tail
	ended  chan struct{} // closed when the process has been waited for

	// Of this program as a server; nil of others.
	stdin   io.WriteCloser
	answers *bufio.Reader
}

// Serve starts this program as the server of the given role.
func (e *Env) Serve(ctx context.Context, role string, config any) (*Server, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	s := newServer(exec.Command(exe, serveArg, role, string(b)))
	if s.stdin, err = s.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	// A pipe of our own: Wait would close the one of StdoutPipe under the reader.
	out, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.cmd.Stdout = w
	s.answers = bufio.NewReader(out)
	err = s.start(e)
	_ = w.Close()
	if err != nil {
		_ = out.Close()
		return nil, err
	}
	go func() {
		<-s.ended
		_ = out.Close()
	}()
	if s.Addr, err = s.answer(ctx); err != nil {
		return nil, fmt.Errorf("start the server %s: %w", role, err)
	}
	return s, nil
}

// Program starts another program, which will listen on addr (see [FreeAddr]), and waits until it does.
func (e *Env) Program(ctx context.Context, addr, name string, args ...string) (*Server, error) {
	s := newServer(exec.Command(name, args...))
	s.Addr = addr
	if err := s.start(e); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			return s, conn.Close()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s does not listen: %w: %s", name, ctx.Err(), s.stderr)
		case <-s.ended:
			return nil, fmt.Errorf("%s has ended: %s", name, s.stderr)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func newServer(cmd *exec.Cmd) *Server {
	s := &Server{cmd: cmd, stderr: &tail{}, ended: make(chan struct{})}
	cmd.Stderr = s.stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A command of a session may hold the pipe of standard error after the server has ended.
	cmd.WaitDelay = time.Second
	return s
}

func (s *Server) start(e *Env) error {
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.PID = s.cmd.Process.Pid
	e.running = append(e.running, s)
	go func() {
		_ = s.cmd.Wait()
		close(s.ended)
	}()
	return nil
}

// Do has the server's role do something and returns its answer. Only one may be under way.
func (s *Server) Do(ctx context.Context, command string) (string, error) {
	if _, err := io.WriteString(s.stdin, command+"\n"); err != nil {
		return "", err
	}
	return s.answer(ctx)
}

func (s *Server) answer(ctx context.Context) (string, error) {
	// The process ends when it is told to, and with it the pipe that is read.
	stop := context.AfterFunc(ctx, func() { s.signal(syscall.SIGKILL) })
	defer stop()
	line, err := s.answers.ReadString('\n')
	if err != nil {
		return "", errors.Join(ctx.Err(), fmt.Errorf("the server has ended: %s", s.stderr))
	}
	line = strings.TrimSuffix(line, "\n")
	if answer, ok := strings.CutPrefix(line, "ok"); ok {
		return strings.TrimPrefix(answer, " "), nil
	}
	return "", errors.New(line)
}

// Usage is what the server's process has used and holds, without its children.
func (s *Server) Usage() (procfs.Usage, error) { return procfs.Read(s.PID) }

// Collected is Usage after a garbage collection that gives memory back, so that only what is held
// counts. Other programs are not asked to collect theirs.
func (s *Server) Collected(ctx context.Context) (procfs.Usage, error) {
	if s.stdin != nil {
		if _, err := s.Do(ctx, "collect"); err != nil {
			return procfs.Usage{}, err
		}
	}
	return s.Usage()
}

// Stop ends the server, gently at first, and whatever is left of its process group.
func (s *Server) Stop() {
	if s.stdin != nil {
		_ = s.stdin.Close()
	} else {
		s.signal(syscall.SIGTERM)
	}
	select {
	case <-s.ended:
	case <-time.After(patience):
	}
	s.signal(syscall.SIGKILL)
	<-s.ended
}

func (s *Server) signal(sig syscall.Signal) { _ = syscall.Kill(-s.PID, sig) }

// tail keeps the last that is written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const tailMax = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	if over := len(t.b) - tailMax; over > 0 {
		t.b = t.b[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.b))
}
