package logs_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// BenchmarkCatchUp has 50 viewers read 200 MB of history at the same time.
func BenchmarkCatchUp(b *testing.B) {
	const viewers, lines = 50, 1_333_333
	for range b.N {
		s := startBench(b, "pruvon")
		block := bytes.Repeat([]byte(strings.Repeat("x", 149)+"\n"), 1000)
		for range lines / 1000 {
			_, err := s.f.Write(block)
			require.NoError(b, err)
		}
		var t tally
		var wg sync.WaitGroup
		var conns []net.Conn
		cpu, begin := s.cpu(), time.Now()
		for range viewers {
			conns = append(conns, s.connect("pruvon", "tail=all", &t, false, &wg))
		}
		// The lines of each viewer's last message are not counted.
		for want := int64(viewers * (lines - 1000 - 512)); t.lines.Load() < want; {
			_ = pause(time.Millisecond)
		}
		got := float64(t.lines.Load())
		b.ReportMetric(got/time.Since(begin).Seconds(), "lines/s")
		b.ReportMetric((s.cpu()-cpu).Seconds()/(got/1e6), "cpu-s/Mlines")
		for _, c := range conns {
			_ = c.Close()
		}
		wg.Wait()
	}
}

// countSink counts lines.
type countSink struct{ n int }

func (c *countSink) Line([]byte, time.Time, logs.Stream, logs.Position) error { c.n++; return nil }
func (c *countSink) Fragment([]byte, time.Time, logs.Stream, int64, bool, logs.Position) error {
	c.n++
	return nil
}
func (c *countSink) Note(logs.Note) error { return nil }
func (c *countSink) Flush() error         { return nil }

// BenchmarkTail reads the last lines of a 5 GB file, beside reading all of a
// hundredth of it.
func BenchmarkTail(b *testing.B) {
	path := filepath.Join(b.TempDir(), "huge.log")
	f, err := os.Create(path)
	require.NoError(b, err)
	defer f.Close()
	const size = 5 << 30 // sparse but for its end
	block := bytes.Repeat([]byte(strings.Repeat("x", 149)+"\n"), 20_000)
	_, err = f.WriteAt(block, size)
	require.NoError(b, err)
	src := logs.File(path).(logs.Ranger)
	for _, c := range []struct {
		name string
		n    int
	}{{"lines=1000", 1000}, {"lines=10000", 10_000}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				var sink countSink
				_, err := src.Tail(context.Background(), c.n, nil, &sink)
				require.NoError(b, err)
				require.Equal(b, c.n, sink.n)
			}
		})
	}
	b.Run("slow=scan-50MB", func(b *testing.B) {
		buf := make([]byte, 64<<10)
		for range b.N {
			n := 0
			for off := int64(0); off < size/100; off += int64(len(buf)) {
				_, err := f.ReadAt(buf, off)
				require.NoError(b, err)
				n += bytes.Count(buf, []byte{'\n'})
			}
		}
	})
}

// BenchmarkSanitize is what each line costs on its way in.
func BenchmarkSanitize(b *testing.B) {
	line := []byte(`203.0.113.7 - - [25/Nov/2026:00:10:09 +0000] "GET /assets/app.js HTTP/1.1" 200 5123 "https://example.org/" "Mozilla/5.0"`)
	var dst []byte
	b.SetBytes(int64(len(line)))
	b.Run("json", func(b *testing.B) {
		for range b.N {
			dst = logs.SanitizeJSON(dst[:0], line)
		}
	})
	b.Run("redact", func(b *testing.B) {
		for range b.N {
			logs.RedactSecrets(line)
		}
	})
}
