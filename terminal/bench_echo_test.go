package terminal_test

import (
	"context"
	"io"
	"net"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// echoScript answers each byte with itself, as an editor in raw mode does.
const echoScript = `stty raw -echo; echo ready; exec cat`

// waitFor reads frames until the output holds text.
func (p *pageConn) waitFor(b testing.TB, text string) {
	var got []byte
	for !contains(got, text) {
		_, _, err := p.next(func(d []byte) { got = append(got, d...) })
		require.NoError(b, err)
	}
}

func contains(b []byte, text string) bool {
	return slices.ContainsFunc([]string{string(b)}, func(s string) bool { return indexOf(s, text) })
}

func indexOf(s, text string) bool {
	for i := 0; i+len(text) <= len(s); i++ {
		if s[i:i+len(text)] == text {
			return true
		}
	}
	return false
}

// echoes types n keys one after the other and returns how long each took.
func (p *pageConn) echoes(b testing.TB, n int) []time.Duration {
	took := make([]time.Duration, 0, n)
	for range n {
		start := time.Now()
		p.typed("k")
		for {
			op, _, err := p.next(nil)
			require.NoError(b, err)
			if op == 2 {
				break
			}
		}
		took = append(took, time.Since(start))
		p.ack()
		time.Sleep(2 * time.Millisecond)
	}
	slices.Sort(took)
	return took
}

// floorEchoes is the same over a bare TCP connection.
func floorEchoes(b testing.TB, n int) []time.Duration {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		cmd := exec.Command("/bin/sh", "-c", echoScript)
		m, err := pty.Start(cmd)
		if err != nil {
			return
		}
		go func() { _, _ = io.Copy(struct{ io.Writer }{m}, c); _ = cmd.Process.Kill() }()
		_, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{m})
		_ = cmd.Wait()
		_ = m.Close()
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(b, err)
	defer c.Close()
	buf := make([]byte, 4096)
	var got []byte
	for !contains(got, "ready") {
		k, err := c.Read(buf)
		require.NoError(b, err)
		got = append(got, buf[:k]...)
	}
	took := make([]time.Duration, 0, n)
	for range n {
		start := time.Now()
		_, _ = c.Write([]byte("k"))
		_, err := c.Read(buf)
		require.NoError(b, err)
		took = append(took, time.Since(start))
		time.Sleep(2 * time.Millisecond)
	}
	slices.Sort(took)
	return took
}

func percentile(d []time.Duration, p int) float64 {
	return float64(d[len(d)*p/100].Microseconds())
}

func reportEchoes(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(percentile(took, 50), "p50_us")
	b.ReportMetric(percentile(took, 99), "p99_us")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkEcho is the time from a key to its echo: alone, and while another
// session floods.
func BenchmarkEcho(b *testing.B) {
	const keys = 1000
	const hello = `{"type":"hello","cols":80,"rows":24}`
	b.Run("floor", func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			took = append(took, floorEchoes(b, keys)...)
		}
		reportEchoes(b, took)
	})
	b.Run("alone", func(b *testing.B) {
		s := serve(b, shell(echoScript))
		var took []time.Duration
		for b.Loop() {
			p := dialPage(b, s.url(), hello)
			p.waitFor(b, "ready")
			took = append(took, p.echoes(b, keys)...)
			p.Close()
		}
		reportEchoes(b, took)
	})
	b.Run("flood", func(b *testing.B) {
		name := colouredText(b, 16<<20)
		s := serve(b, shell(echoScript), func(c *terminal.Config) {
			c.Terminals["flood"] = terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
				return exec.Command("/bin/sh", "-c", "while :; do cat "+name+"; done"), nil
			}}
		})
		flood := dialPage(b, s.url()[:len(s.url())-1]+"flood", hello)
		go flood.drain(b)
		defer flood.Close()
		var took []time.Duration
		start, from := time.Now(), flood.offset
		for b.Loop() {
			p := dialPage(b, s.url(), hello)
			p.waitFor(b, "ready")
			took = append(took, p.echoes(b, keys)...)
			p.Close()
		}
		b.ReportMetric(float64(flood.offset-from)/1e6/time.Since(start).Seconds(), "floodMB/s")
		reportEchoes(b, took)
	})
}
