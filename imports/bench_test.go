package imports_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

const benchBytes = 1 << 30

// sender is a body of zeros with a size.
func sender(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

// BenchmarkUpload sends 1 GB; the floor is a handler that does nothing but
// io.Copy into a file. MB/s of the one divided by those of the other is the
// ratio that counts.
func BenchmarkUpload(b *testing.B) {
	dir := b.TempDir()
	floor := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Create(filepath.Join(dir, "floor"))
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		defer f.Close()
		if _, err := io.Copy(f, r.Body); err != nil {
			http.Error(w, err.Error(), 500)
		}
	}))
	defer floor.Close()
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(benchBytes)
		for range b.N {
			send(b, floor.Client(), "POST", floor.URL, benchBytes, 200)
			b.StopTimer()
			require.NoError(b, os.Remove(filepath.Join(dir, "floor")))
			b.StartTimer()
		}
	})
	b.Run("raw", func(b *testing.B) { benchUpload(b, 0) })
	b.Run("parts-8MiB", func(b *testing.B) { benchUpload(b, 8<<20) })
	b.Run("digest", func(b *testing.B) { benchUpload(b, 0, "Repr-Digest", zerosDigest()) })
}

func zerosDigest() string {
	out, err := exec.Command("sh", "-c", "head -c "+strconv.Itoa(benchBytes)+" /dev/zero | openssl dgst -sha256 -binary | base64").Output()
	if err != nil {
		return ""
	}
	return "sha-256=:" + strings.TrimSpace(string(out)) + ":"
}

// benchUpload measures until the answer; the importer is kept from competing
// by a slot that is taken.
func benchUpload(b *testing.B, part int64, headers ...string) {
	block := make(chan struct{})
	hold := imports.ImporterFunc(func(ctx context.Context, _ io.Reader, _ *imports.Job) error {
		select {
		case <-block:
		case <-ctx.Done():
		}
		return context.Cause(ctx)
	})
	s := start(b, target(imports.Target{Importer: hold}), func(c *imports.Config) { c.Slots, c.KeepData = 1, -1 })
	first := s.upload(strings.NewReader("x"))
	b.SetBytes(benchBytes)
	var before, after runtime.MemStats
	var peak uint64
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		stop := make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-tick.C:
					runtime.ReadMemStats(&after)
					peak = max(peak, after.HeapInuse+after.StackInuse)
				case <-stop:
					return
				}
			}
		})
		var id string
		if part == 0 {
			id = parseSnapshot(b, send(b, s.c, "POST", s.url+"/db", benchBytes, 202, headers...)).ID
		} else {
			id = s.begin(benchBytes)
			for off := int64(0); off < benchBytes; off += part {
				want, complete := 204, "?0"
				if off+part == benchBytes {
					want, complete = 202, "?1"
				}
				send(b, s.c, "PATCH", s.url+"/db/"+id+"/content", part, want, "Upload-Offset", strconv.FormatInt(off, 10), "Upload-Complete", complete)
			}
		}
		close(stop)
		wg.Wait()
		b.StopTimer()
		s.do("POST", "/db/"+id+"/cancel", nil)
		s.ended(id)
		s.do("DELETE", "/db/"+id, nil)
		b.StartTimer()
	}
	b.ReportMetric(float64(int64(peak)-int64(before.HeapInuse+before.StackInuse))/(1<<20), "peak-MiB")
	close(block)
	s.ended(first)
}

func send(b *testing.B, c *http.Client, method, url string, n int64, want int, headers ...string) []byte {
	req, err := http.NewRequest(method, url, sender(n))
	require.NoError(b, err)
	req.ContentLength = n
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	require.NoError(b, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(b, err)
	require.Equal(b, want, res.StatusCode, string(body))
	return body
}

// BenchmarkFeed feeds 1 GB to a command: the floor is a shell's cat | command.
func BenchmarkFeed(b *testing.B) {
	const command = "cat >/dev/null"
	dir := b.TempDir()
	file := filepath.Join(dir, "gb")
	f, err := os.Create(file)
	require.NoError(b, err)
	_, err = io.Copy(f, sender(benchBytes))
	require.NoError(b, err)
	require.NoError(b, f.Close())
	b.Run("floor", func(b *testing.B) {
		b.SetBytes(benchBytes)
		for range b.N {
			require.NoError(b, exec.Command("/bin/sh", "-c", "cat "+file+" | "+command).Run())
		}
	})
	b.Run("import", func(b *testing.B) { benchFeed(b, dir, command, 0) })
}

func benchFeed(b *testing.B, dir, command string, watchers int) {
	s := start(b, target(imports.Target{Importer: sh(command), Files: dir, MaxBytes: -1}), func(c *imports.Config) {
		c.Limits = imports.Limits{Total: -1, PerUser: -1, PerAddr: -1}
	})
	b.SetBytes(benchBytes)
	for b.Loop() {
		a := s.do("POST", "/db?file=gb", nil)
		require.Equal(b, 202, a.StatusCode, string(a.body))
		id := parseSnapshot(b, a.body).ID
		var wg sync.WaitGroup
		for range watchers {
			wg.Go(func() { _, _ = s.try("GET", "/db/"+id+"/events", nil) })
		}
		events, err := s.try("GET", "/db/"+id+"/events", nil)
		require.NoError(b, err)
		require.Contains(b, string(events.body), `"outcome":"succeeded"`)
		b.StopTimer()
		wg.Wait()
		b.StartTimer()
	}
}

// BenchmarkWatchers runs one import that takes its time on a core of its own,
// alone and with a thousand watchers.
func BenchmarkWatchers(b *testing.B) {
	for _, n := range []int{0, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			work := imports.ImporterFunc(func(_ context.Context, src io.Reader, job *imports.Job) error {
				buf := make([]byte, 256<<10)
				start := time.Now()
				for i := 0; ; i++ {
					_, err := src.Read(buf)
					if err == io.EOF {
						job.Warn(fmt.Sprintf("took %v", time.Since(start)))
						return nil
					}
					if err != nil {
						return err
					}
					for range 10 {
						sha256Of(buf[:64<<10]) // work of its own
					}
					if i%100 == 0 {
						job.Output(imports.Stdout, []byte("another hundred\n"))
					}
				}
			})
			dir := b.TempDir()
			f, err := os.Create(filepath.Join(dir, "gb"))
			require.NoError(b, err)
			require.NoError(b, f.Truncate(benchBytes))
			require.NoError(b, f.Close())
			cfg := newConfig(b, target(imports.Target{Importer: work, Files: dir, MaxBytes: -1}), func(c *imports.Config) {
				c.Limits = imports.Limits{Total: -1, PerUser: -1, PerAddr: -1}
				c.Logger = slog.New(slog.DiscardHandler)
			})
			s := startConfig(b, cfg)
			b.SetBytes(benchBytes)
			var seconds float64
			for b.Loop() {
				a := s.do("POST", "/db?file=gb", nil)
				id := parseSnapshot(b, a.body).ID
				var wg sync.WaitGroup
				for range n {
					wg.Go(func() { _, _ = s.try("GET", "/db/"+id+"/events", nil) })
				}
				v := s.ended(id)
				d, err := time.ParseDuration(strings.TrimPrefix(v.Warnings.Last[0], "took "))
				require.NoError(b, err)
				seconds += d.Seconds()
				wg.Wait()
			}
			b.ReportMetric(seconds/float64(b.N), "s/import")
		})
	}
}
