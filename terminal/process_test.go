package terminal_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// fake is a Process without a process: it echoes lines in upper case, and ends
// with its input or when told to.
type fake struct {
	io.Reader
	w     *io.PipeWriter
	panic string

	mu     sync.Mutex
	sizes  []terminal.Size
	ended  chan struct{}
	once   sync.Once
	closed bool
}

func newFake(panicIn string) *fake {
	r, w := io.Pipe()
	return &fake{Reader: r, w: w, panic: panicIn, ended: make(chan struct{})}
}

func (f *fake) boom(method string) {
	if f.panic == method {
		panic("injected")
	}
}

func (f *fake) Read(b []byte) (int, error) { f.boom("Read"); return f.Reader.Read(b) }

func (f *fake) Write(b []byte) (int, error) {
	f.boom("Write")
	if strings.Contains(string(b), "quit") {
		f.stop()
		return len(b), nil
	}
	return f.w.Write([]byte(strings.ToUpper(string(b))))
}

func (f *fake) stop() { f.once.Do(func() { _ = f.w.Close(); close(f.ended) }) }

func (f *fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.boom("Close")
	return f.w.CloseWithError(io.EOF)
}

func (f *fake) Resize(s terminal.Size) error {
	f.boom("Resize")
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sizes = append(f.sizes, s)
	return nil
}
func (f *fake) Signal(os.Signal) error { return nil }

func (f *fake) Wait() (terminal.Exit, error) {
	<-f.ended
	f.boom("Wait")
	return terminal.Exit{Code: 5}, nil
}

func (f *fake) End(context.Context) (int, error) {
	f.stop()
	f.boom("End")
	return 2, nil
}

func opened(p terminal.Process) terminal.Terminal {
	return terminal.Terminal{Open: func(context.Context, terminal.Start) (terminal.Process, error) { return p, nil }}
}

func TestAProcessOfAnotherKind(t *testing.T) {
	f := newFake("")
	s := serve(t, opened(f))
	c := s.open("")
	c.typed("hello ")
	c.shows("HELLO ")
	c.send(`{"type":"resize","cols":90,"rows":30}`)
	eventually(t, "resized", func() bool { f.mu.Lock(); defer f.mu.Unlock(); return len(f.sizes) == 1 })
	c.typed("quit")
	require.Equal(t, websocket.StatusNormalClosure, c.ended().Code)
	require.EqualValues(t, 5, c.exit.CodeRaw)
	eventually(t, "end", func() bool { return len(s.events.of("end")) == 1 })
	require.Contains(t, s.events.of("end")[0].Detail, "2 processes left")
	require.True(t, f.closed)
}

// A panic in the host's code ends that session and nothing else.
func TestAPanickingProcessEndsItsSessionOnly(t *testing.T) {
	for _, method := range []string{"Read", "Write", "Close", "Resize", "Wait", "End"} {
		t.Run(method, func(t *testing.T) {
			f := newFake(method)
			s := serve(t, opened(f))
			c := s.open("")
			c.send(`{"type":"resize","cols":90,"rows":30}`)
			c.typed("x")
			c.send(`{"type":"ping","t":1}`)
			c.until("pong or the end", func() bool { return c.has("pong") != nil || c.exit != nil })
			_ = s.Kill(c.ready.Session)
			c.ended()
			require.NotNil(t, c.exit)
			eventually(t, "end", func() bool { return len(s.events.of("end")) == 1 })
		})
	}
}

func TestAPanickingStart(t *testing.T) {
	s := serve(t, terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) { panic("injected") }})
	c := s.connect()
	c.send(`{"type":"hello","cols":80,"rows":24}`)
	require.Equal(t, websocket.StatusInternalError, c.ended().Code)
	require.Equal(t, "start_failed", c.exit.Reason)
	require.NotContains(t, c.exit.Detail, "injected")
}

func TestACommandThatCannotBeStarted(t *testing.T) {
	for _, c := range []struct {
		name string
		cmd  func() (*exec.Cmd, error)
		want string
	}{
		{"no such program", func() (*exec.Cmd, error) { return exec.Command("/no/such/program"), nil }, "does not exist"},
		{"not in PATH", func() (*exec.Cmd, error) { return exec.Command("no-such-program"), nil }, "not found"},
		{"no such directory", func() (*exec.Cmd, error) {
			cmd := exec.Command("/bin/sh")
			cmd.Dir = "/no/such/directory"
			return cmd, nil
		}, "directory"},
		{"the host says no", func() (*exec.Cmd, error) { return nil, errors.New("secret reason") }, "could not be started"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) { return c.cmd() }})
			cl := s.connect()
			cl.send(`{"type":"hello","cols":80,"rows":24}`)
			require.Equal(t, websocket.StatusInternalError, cl.ended().Code)
			require.Equal(t, "start_failed", cl.exit.Reason)
			require.Contains(t, cl.exit.Detail, c.want)
			require.NotContains(t, cl.exit.Detail, "secret")
			require.False(t, cl.exit.Retryable)
			require.Empty(t, sessions(s.Handler))
			eventually(t, "one start, one end", func() bool { return len(s.events.of("end")) == 1 && len(s.events.of("start")) == 1 })
		})
	}
}
