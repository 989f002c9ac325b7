package logs_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// bench is one server process and its file.
type bench struct {
	b    *testing.B
	cmd  *exec.Cmd
	in   io.Closer
	addr string
	f    *os.File
}

func startBench(b *testing.B, kind string) *bench {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bench.log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(b, err)
	cmd := exec.Command(os.Args[0], "--", path)
	cmd.Env = append(os.Environ(), benchServer+"="+kind)
	in, err := cmd.StdinPipe()
	require.NoError(b, err)
	out, err := cmd.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, cmd.Start())
	addr, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(b, err)
	s := &bench{b: b, cmd: cmd, in: in, addr: strings.TrimSpace(addr), f: f}
	b.Cleanup(func() {
		_ = s.in.Close()
		_ = s.cmd.Wait()
		_ = f.Close()
	})
	return s
}

// cpu is the CPU time that the server has used.
func (s *bench) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	require.NoError(s.b, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

// rss is the server's memory in bytes.
func (s *bench) rss() int64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	require.NoError(s.b, err)
	n, _ := strconv.ParseInt(strings.Fields(string(stat))[1], 10, 64)
	return n * int64(os.Getpagesize())
}

// tally is what the viewers have got.
type tally struct {
	lines atomic.Int64
	gaps  atomic.Int64
	mu    sync.Mutex
	lags  []time.Duration // of the first line of each message, of one viewer
}

// connect opens a viewer that costs as little as can be: it reads frame headers
// and line numbers and looks at nothing else.
func (s *bench) connect(kind, query string, t *tally, timed bool, wg *sync.WaitGroup) net.Conn {
	c, err := net.Dial("tcp", s.addr)
	require.NoError(s.b, err)
	in := bufio.NewReaderSize(c, 128<<10)
	if kind == "floor" {
		wg.Go(func() { readRaw(in, t, timed) })
		return c
	}
	fmt.Fprintf(c, "GET /?%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"+
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: pruvon.logs.v1\r\n\r\n", query, s.addr)
	status, err := in.ReadString('\n')
	require.NoError(s.b, err)
	require.Contains(s.b, status, "101")
	for line := ""; line != "\r\n"; {
		line, err = in.ReadString('\n')
		require.NoError(s.b, err)
	}
	wg.Go(func() { readFrames(in, t, timed) })
	return c
}

func readRaw(in *bufio.Reader, t *tally, timed bool) {
	buf := make([]byte, 128<<10)
	for {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		t.lines.Add(int64(bytes.Count(buf[:n], []byte{'\n'})))
		if timed {
			t.stamp(buf[:n])
		}
	}
}

func readFrames(in *bufio.Reader, t *tally, timed bool) {
	next := int64(-1)
	for {
		head, err := in.Peek(2)
		if err != nil {
			return
		}
		size, skip := int(head[1]&127), 2
		switch size {
		case 126:
			head, _ = in.Peek(4)
			size, skip = int(binary.BigEndian.Uint16(head[2:])), 4
		case 127:
			head, _ = in.Peek(10)
			size, skip = int(binary.BigEndian.Uint64(head[2:])), 10
		}
		_, _ = in.Discard(skip)
		begin, err := in.Peek(min(size, 1200))
		if err != nil {
			return
		}
		if rest, ok := bytes.CutPrefix(begin, []byte(`{"type":"lines","seq":`)); ok {
			seq, _ := strconv.ParseInt(string(rest[:bytes.IndexByte(rest, ',')]), 10, 64)
			if next >= 0 {
				t.lines.Add(seq - next)
			}
			next = seq
			if timed {
				t.stamp(begin)
			}
		} else if bytes.HasPrefix(begin, []byte(`{"type":"gap"`)) {
			t.gaps.Add(1)
		}
		if _, err := in.Discard(size); err != nil {
			return
		}
	}
}

// stamp notes how old the first line of a message is.
func (t *tally) stamp(b []byte) {
	i := bytes.Index(b, []byte("@@"))
	if i < 0 || len(b) < i+21 {
		return
	}
	at, err := strconv.ParseInt(string(b[i+2:i+21]), 10, 64)
	if err != nil {
		return
	}
	t.mu.Lock()
	t.lags = append(t.lags, time.Since(time.Unix(0, at)))
	t.mu.Unlock()
}

// write appends lines of 150 bytes at a rate for a while and returns how many.
func (s *bench) write(rate int, d time.Duration) int {
	pad := strings.Repeat("x", 150-22)
	var buf bytes.Buffer
	begin, n := time.Now(), 0
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for since := time.Duration(0); since < d; since = time.Since(begin) {
		<-ticker.C
		due := int(time.Since(begin).Seconds() * float64(rate))
		if due == n {
			continue
		}
		buf.Reset()
		stamp := time.Now().UnixNano()
		for ; n < due; n++ {
			fmt.Fprintf(&buf, "@@%019d%s\n", stamp, pad)
		}
		_, err := s.f.Write(buf.Bytes())
		require.NoError(s.b, err)
	}
	return n
}

// BenchmarkFanOut follows one file for many viewers, beside the floor.
func BenchmarkFanOut(b *testing.B) {
	for _, c := range []struct{ viewers, rate int }{{1, 50_000}, {100, 50_000}, {500, 5_000}} {
		for _, kind := range []string{"floor", "pruvon"} {
			b.Run(fmt.Sprintf("viewers=%d/rate=%d/%s", c.viewers, c.rate, kind), func(b *testing.B) {
				for range b.N {
					fanOut(b, kind, c.viewers, c.rate)
				}
			})
		}
	}
}

// BenchmarkLatencyPolling is what is left when the kernel gives no hints.
func BenchmarkLatencyPolling(b *testing.B) {
	for range b.N {
		fanOut(b, "poll", 1, 50_000)
	}
}

func fanOut(b *testing.B, kind string, viewers, rate int) {
	s := startBench(b, kind)
	var t tally
	var wg sync.WaitGroup
	var conns []net.Conn
	before := s.rss()
	for i := range viewers {
		conns = append(conns, s.connect(kind, "tail=0", &t, i == 0, &wg))
	}
	s.write(1000, 200*time.Millisecond) // everybody is there
	t.mu.Lock()
	t.lags = nil
	t.mu.Unlock()
	t.lines.Store(0)
	cpu, begin := s.cpu(), time.Now()
	n := s.write(rate, 3*time.Second)
	took := time.Since(begin)
	// A message's lines are counted when the next one comes.
	_ = pause(50 * time.Millisecond)
	_, err := s.f.WriteString("the last line\n")
	require.NoError(b, err)
	want := int64(n) * int64(viewers)
	// What is still under way counts if it comes within the second.
	for end := time.Now().Add(time.Second); t.lines.Load() < want*999/1000 && time.Now().Before(end); {
		_ = pause(time.Millisecond)
		took = time.Since(begin)
	}
	got := t.lines.Load()
	used := s.cpu() - cpu
	b.ReportMetric(float64(got)/took.Seconds(), "lines/s")
	b.ReportMetric(100*float64(got)/float64(want), "%delivered")
	b.ReportMetric(used.Seconds()/(float64(got)/1e6), "cpu-s/Mlines")
	b.ReportMetric(float64(t.gaps.Load()), "gaps")
	b.ReportMetric(float64(s.rss()-before)/1024/float64(viewers), "KiB/viewer")
	t.mu.Lock()
	slices.Sort(t.lags)
	if len(t.lags) > 0 {
		b.ReportMetric(float64(t.lags[len(t.lags)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(t.lags[len(t.lags)*99/100].Microseconds())/1000, "p99-ms")
	}
	t.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
	wg.Wait()
}
