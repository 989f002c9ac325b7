package terminal_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a server in a process of its own.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	stdin io.WriteCloser
	url   string

	mu    sync.Mutex
	lines []string
	done  chan struct{}
}

func startServer(t testing.TB, state, command string, change ...func(*exec.Cmd)) *process {
	t.Helper()
	p := &process{t: t, done: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), "PRUVON_TEST_HELPER=server "+state+" "+command)
	p.cmd.Stderr = os.Stderr
	for _, f := range change {
		f(p.cmd)
	}
	in, err := p.cmd.StdinPipe()
	require.NoError(t, err)
	p.stdin = in
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	lines := bufio.NewScanner(out)
	for p.url == "" && lines.Scan() {
		if addr, ok := strings.CutPrefix(lines.Text(), "listening "); ok {
			p.url = "ws://" + addr + "/terminals/t"
			break
		}
		p.lines = append(p.lines, lines.Text())
	}
	require.NotEmpty(t, p.url, "the server did not start")
	go func() {
		defer close(p.done)
		for lines.Scan() {
			p.mu.Lock()
			p.lines = append(p.lines, lines.Text())
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	})
	return p
}

// stop shuts the server down and returns all it has printed.
func (p *process) stop() []string {
	_ = p.stdin.Close()
	<-p.done
	require.NoError(p.t, p.cmd.Wait())
	return p.lines
}

// kill ends the server as a crash does.
func (p *process) kill() []string {
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.cmd.Wait()
	return p.lines
}

func (p *process) events(kind string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, l := range p.lines {
		if l == kind || strings.HasPrefix(l, kind+" ") {
			n++
		}
	}
	return n
}

// memory is what the server holds, in KiB.
func (p *process) memory() int {
	before := p.events("collected")
	_, err := io.WriteString(p.stdin, "collect\n")
	require.NoError(p.t, err)
	eventually(p.t, "collected", func() bool { return p.events("collected") > before })
	return p.status("RssAnon")
}

// status reads a field in kB, or a number, of /proc/PID/status.
func (p *process) status(field string) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	_, rest, ok := strings.Cut(string(b), field+":")
	require.True(p.t, ok, field)
	n := 0
	_, _ = fmt.Sscan(rest, &n)
	return n
}

func (p *process) descriptors() int {
	d, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	return len(d)
}

// openMany opens n sessions, some at a time, and waits for their prompts.
func (p *process) openMany(n int) []net.Conn {
	conns := make([]net.Conn, n)
	next := make(chan int)
	var work sync.WaitGroup
	for range 32 {
		work.Go(func() {
			for i := range next {
				c := dialPage(p.t, p.url, `{"type":"hello","cols":80,"rows":24}`)
				c.waitFor(p.t, "ready")
				c.r = nil
				conns[i] = c.Conn
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	work.Wait()
	return conns
}

// An idle session costs little memory, three descriptors and no thread: on two
// processors there are at most 16.
func TestIdleSessionsAreCheap(t *testing.T) {
	n := 100
	if full() {
		n = 1000
	}
	p := startServer(t, "-", "/bin/sh -c echo${IFS}ready;read${IFS}x")
	for _, c := range p.openMany(50) { // what is needed once
		_ = c.Close()
	}
	memory, fds := p.memory(), p.descriptors()
	start := time.Now()
	conns := p.openMany(n)
	t.Logf("%d sessions open in %v", n, time.Since(start))
	perSession := float64(p.memory()-memory) / float64(n)
	threads := p.status("Threads")
	t.Logf("%.1f KiB and %.2f descriptors each, %d threads", perSession, float64(p.descriptors()-fds)/float64(n), threads)
	require.LessOrEqual(t, p.descriptors()-fds, 3*n)
	require.LessOrEqual(t, threads, 14+runtime.GOMAXPROCS(0))
	if !raceEnabled {
		require.LessOrEqual(t, perSession, 64.0)
	}
	p.stop()
	for _, c := range conns {
		_ = c.Close()
	}
}

// BenchmarkOpen is the time to open a thousand shells, up to their prompts.
func BenchmarkOpen(b *testing.B) {
	const sessions = 1000
	var total time.Duration
	n := 0
	for b.Loop() {
		p := startServer(b, "-", "/bin/sh -c echo${IFS}ready;read${IFS}x")
		start := time.Now()
		conns := p.openMany(sessions)
		total += time.Since(start)
		n++
		for _, c := range conns {
			_ = c.Close()
		}
		p.kill()
	}
	b.ReportMetric(total.Seconds()/float64(n), "s/1000")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEchoBesideIdleSessions is the time from a key to its echo while the
// server holds a thousand sessions more. Alone is the same server without them.
func BenchmarkEchoBesideIdleSessions(b *testing.B) {
	const keys, sessions = 1000, 1000
	const hello = `{"type":"hello","cols":80,"rows":24}`
	s := startServer(b, "-", "/bin/sh -c "+strings.ReplaceAll(echoScript, " ", "${IFS}"))
	measure := func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			p := dialPage(b, s.url, hello)
			p.waitFor(b, "ready")
			took = append(took, p.echoes(b, keys)...)
			_ = p.Close()
		}
		reportEchoes(b, took)
	}
	b.Run("alone", measure)
	conns := s.openMany(sessions)
	b.Run("idle", measure)
	for _, c := range conns {
		_ = c.Close()
	}
	s.kill()
}
