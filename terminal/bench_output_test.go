package terminal_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/terminal"
)

// colouredText writes a file like the output of a test run: lines of about a
// hundred bytes with colours in them.
func colouredText(b testing.TB, size int) string {
	var line strings.Builder
	for i := 0; line.Len() < 64<<10; i++ {
		fmt.Fprintf(&line, "\x1b[3%dm%06d\x1b[0m \x1b[1mok\x1b[22m  package/of/some/module/number_%d\t\x1b[32m0.%03ds\x1b[39m coverage\n", i%8, i, i%97, i%1000)
	}
	name := filepath.Join(b.TempDir(), "text")
	f, err := os.Create(name)
	require.NoError(b, err)
	defer f.Close()
	for n := 0; n < size; n += line.Len() {
		_, err := f.WriteString(line.String())
		require.NoError(b, err)
	}
	return name
}

func cpu() time.Duration {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// floorOutput copies a pty to a bare TCP connection.
func floorOutput(b testing.TB, name string) (int64, time.Duration) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		cmd := exec.Command("cat", name)
		m, err := pty.Start(cmd)
		if err != nil {
			return
		}
		defer m.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := m.Read(buf)
			if n > 0 {
				if _, err := c.Write(buf[:n]); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
		}
		_ = cmd.Wait()
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(b, err)
	defer c.Close()
	start := time.Now()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 256<<10))
	require.NoError(b, err)
	return n, time.Since(start)
}

// BenchmarkThroughput compares coloured text through the WebSocket, with acks
// and the default window, with the same pty copied to a bare TCP connection.
// The runs alternate, so that a machine which gets slower gets slower for both.
func BenchmarkThroughput(b *testing.B) {
	const size = 32 << 20
	name := colouredText(b, size)
	s := serve(b, terminal.Terminal{Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
		return exec.Command("cat", name), nil
	}})
	var floor, ours time.Duration
	var bytes, frames int64
	var floorCPU, ourCPU time.Duration
	for b.Loop() {
		c0 := cpu()
		n, d := floorOutput(b, name)
		c1 := cpu()
		floor += d
		p := dialPage(b, s.url(), `{"type":"hello","cols":80,"rows":24}`)
		start := time.Now()
		p.drain(b)
		ours += time.Since(start)
		ourCPU += cpu() - c1
		floorCPU += c1 - c0
		require.Equal(b, n, p.offset, "bytes lost")
		bytes += n
		frames += int64(p.frames)
		p.Close()
	}
	mb := float64(bytes) / 1e6
	b.ReportMetric(mb/ours.Seconds(), "MB/s")
	b.ReportMetric(mb/floor.Seconds(), "floorMB/s")
	b.ReportMetric(floor.Seconds()/ours.Seconds(), "x_floor")
	b.ReportMetric(float64(ourCPU)/float64(floorCPU), "x_floor_cpu")
	b.ReportMetric(float64(bytes)/float64(frames), "B/frame")
	b.ReportMetric(0, "ns/op")
}
