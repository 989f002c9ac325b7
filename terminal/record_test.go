package terminal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// disk is a writer that can be full: it then takes what still fits and fails.
type disk struct {
	mu     sync.Mutex
	b      bytes.Buffer
	free   int
	closed bool
}

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := min(len(p), d.free)
	d.free -= n
	d.b.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

func (d *disk) space(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.free = n
}

func (d *disk) bytes() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.Clone(d.b.Bytes())
}

const plenty = 1 << 30

// recording is a recorder with what it reported.
type recording struct {
	*recorder
	lost   atomic.Int64
	failed chan error
}

func record(w io.WriteCloser, policy RecordPolicy, limit int64) *recording {
	r := &recording{failed: make(chan error, 1)}
	r.recorder = newRecorder(w, Info{Size: Size{80, 24}}, recordConfig{
		policy: policy, max: limit, log: slog.New(slog.DiscardHandler),
		failed: func(err error) { r.failed <- err },
		lost:   func(n int) { r.lost.Add(int64(n)) },
	})
	return r
}

func TestRecorderKeepsEverything(t *testing.T) {
	d := &disk{free: plenty}
	r := record(d, RecordBestEffort, 0)
	rnd := rand.New(rand.NewPCG(1, 4))
	var want, typed []byte
	for range 500 {
		p := make([]byte, rnd.IntN(5000))
		for i := range p {
			p[i] = byte(rnd.Uint32())
		}
		r.Output(p)
		want = append(want, p...)
		r.Input([]byte("key"), true)
		typed = append(typed, "key"...)
		for r.behind() > recordQueue/2 {
			<-r.room
		}
	}
	r.Resize(Size{100, 30})
	require.NoError(t, r.Close("exit code 0"))
	_, events, output, input := replay(t, d.bytes())
	require.True(t, bytes.Equal(want, output))
	require.True(t, bytes.Equal(typed, input))
	require.Equal(t, []string{"exit: exit code 0"}, ofCode(events, "m"))
	require.Equal(t, []string{"100x30"}, ofCode(events, "r"))
	require.True(t, d.closed)
	require.Zero(t, r.lost.Load())
}

func (r *recorder) behind() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.size()
}

func TestRecorderHidesWhatIsNotEchoed(t *testing.T) {
	d := &disk{free: plenty}
	r := record(d, RecordStrict, 0)
	r.Input([]byte("login\r"), true)
	for _, c := range "secret\r" {
		r.Input([]byte(string(c)), false)
	}
	r.Input([]byte("ls\r"), true)
	r.Input([]byte("again"), false)
	require.NoError(t, r.Close("done"))
	_, events, _, input := replay(t, d.bytes())
	require.Equal(t, "login\rls\r", string(input))
	require.Equal(t, []string{"input hidden: the terminal does not echo", "input hidden: the terminal does not echo", "exit: done"}, ofCode(events, "m"))
	require.NotContains(t, string(d.bytes()), "secret")
}

// The disk is full for a while: what the queue holds is written later, and
// what it cannot hold is a gap with its size; every byte is accounted for.
func TestRecorderDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{free: 2000}
		r := record(d, RecordBestEffort, 0)
		chunk := []byte(strings.Repeat("0123456789abcdef", 256))
		total := 0
		for range 2 * recordQueue / len(chunk) {
			r.Output(chunk)
			total += len(chunk)
			synctest.Wait()
		}
		d.space(plenty)
		time.Sleep(2 * recordRetry)
		r.Output([]byte("after"))
		total += len("after")
		require.NoError(t, r.Close("exit code 0"))
		_, events, output, _ := replay(t, d.bytes())
		lost := r.lost.Load()
		require.Positive(t, lost)
		require.EqualValues(t, total, int64(len(output))+lost)
		m := ofCode(events, "m")
		require.Len(t, m, 2)
		require.Equal(t, m[0], fmt.Sprintf("gap: %d bytes were not recorded", lost))
		require.True(t, strings.HasSuffix(string(output), "after"))
	})
}

func TestRecorderShortDiskFullLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{free: 300}
		r := record(d, RecordBestEffort, 0)
		for range 100 {
			r.Output([]byte("some output\r\n"))
		}
		synctest.Wait()
		require.Len(t, d.bytes(), 300, "a line is torn where the disk was full")
		d.space(plenty)
		time.Sleep(2 * recordRetry)
		require.NoError(t, r.Close("exit code 0"))
		_, events, output, _ := replay(t, d.bytes())
		require.Equal(t, strings.Repeat("some output\r\n", 100), string(output))
		require.Equal(t, []string{"exit: exit code 0"}, ofCode(events, "m"))
	})
}

func TestRecorderDiskFullToTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{free: 300}
		r := record(d, RecordBestEffort, 0)
		r.Output(bytes.Repeat([]byte("x"), 1000))
		require.ErrorIs(t, r.Close("exit code 0"), syscall.ENOSPC)
		require.True(t, d.closed)
	})
}

func TestRecorderStrict(t *testing.T) {
	t.Run("disk full", func(t *testing.T) {
		d := &disk{free: 300}
		r := record(d, RecordStrict, 0)
		r.Output(bytes.Repeat([]byte("x"), 1000))
		require.ErrorIs(t, <-r.failed, syscall.ENOSPC)
		waited := make(chan struct{})
		go func() { r.Wait(); close(waited) }()
		select {
		case <-waited:
			t.Error("output goes on unrecorded")
		case <-time.After(10 * time.Millisecond):
		}
		r.Release()
		<-waited
		require.ErrorIs(t, r.Close("fault"), syscall.ENOSPC)
	})
	t.Run("size cap", func(t *testing.T) {
		d := &disk{free: plenty}
		r := record(d, RecordStrict, 2000)
		r.Output(bytes.Repeat([]byte("x"), 3000))
		require.ErrorIs(t, <-r.failed, errRecordFull)
		require.ErrorIs(t, r.Close("fault"), errRecordFull)
		require.LessOrEqual(t, len(d.bytes()), 2000)
	})
	t.Run("slow disk", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &stuck{free: make(chan struct{})}
			r := record(w, RecordStrict, 0)
			written := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				for range 1000 {
					r.Wait()
					r.Output(bytes.Repeat([]byte("x"), 4096))
					written += 4096
				}
			}()
			synctest.Wait()
			require.Less(t, written, recordQueue+8192, "output waits for the disk")
			close(w.free)
			<-done
			require.NoError(t, r.Close("exit code 0"))
			require.Zero(t, r.lost.Load())
		})
	})
	t.Run("input outruns the disk", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := &stuck{free: make(chan struct{})}
			r := record(w, RecordStrict, 0)
			for range recordHardMax/4096 + 1 {
				r.Input(bytes.Repeat([]byte("x"), 4096), true)
			}
			require.ErrorIs(t, <-r.failed, errRecordSlow)
			close(w.free)
			require.ErrorIs(t, r.Close("fault"), errRecordSlow)
		})
	})
}

func TestRecorderSizeCap(t *testing.T) {
	d := &disk{free: plenty}
	r := record(d, RecordBestEffort, 5000)
	for range 1000 {
		r.Output(bytes.Repeat([]byte("x"), 100))
	}
	require.NoError(t, r.Close("exit code 7"))
	require.LessOrEqual(t, len(d.bytes()), 5000)
	_, events, output, _ := replay(t, d.bytes())
	require.Equal(t, []string{"cap: the recording ends at its size cap of 5000 bytes", "exit: exit code 7"}, ofCode(events, "m"))
	require.EqualValues(t, 100_000, int64(len(output))+r.lost.Load())
}

// lazy is a writer that breaks the contract of io.Writer: it takes nothing and
// says nothing.
type lazy struct{}

func (lazy) Write([]byte) (int, error) { return 0, nil }
func (lazy) Close() error              { return nil }

func TestRecorderOnAWriterThatTakesNothing(t *testing.T) {
	r := record(lazy{}, RecordStrict, 0)
	select {
	case err := <-r.failed:
		require.ErrorIs(t, err, io.ErrShortWrite)
	case <-time.After(10 * time.Second):
		require.Fail(t, "it is written to for ever")
	}
	require.ErrorIs(t, r.Close("fault"), io.ErrShortWrite)
}

// stuck is a writer that hangs until it is freed or closed.
type stuck struct {
	free chan struct{}
	once sync.Once
	gone chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	select {
	case <-s.free:
		return len(p), nil
	case <-s.gone:
		return 0, errors.New("closed")
	}
}

func (s *stuck) Close() error {
	if s.gone != nil {
		s.once.Do(func() { close(s.gone) })
	}
	return nil
}

func TestRecorderCloseDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &stuck{free: make(chan struct{}), gone: make(chan struct{})}
		r := record(w, RecordBestEffort, 0)
		r.Output([]byte("x"))
		began := time.Now()
		require.ErrorIs(t, r.Close("exit code 0"), errRecordSlow)
		require.Equal(t, recordCloseMax, time.Since(began))
	})
}

func TestNoRecorderRecordsNothing(t *testing.T) {
	var r *recorder
	r.Output([]byte("x"))
	r.Input([]byte("x"), false)
	r.Resize(Size{1, 1})
	r.Wait()
	r.Release()
	require.NoError(t, r.Close(""))
}
