package logs_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// cursorAfter reads until n lines have come and returns the cursor after them.
func (c *client) cursorAfter(n int) string {
	c.t.Helper()
	for got := 0; ; {
		m := c.read()
		if m.Type != "lines" {
			continue
		}
		if got += len(m.entries(c.t)); got >= n {
			require.Equal(c.t, n, got)
			return m.Cursor
		}
	}
}

// resumed opens the log with a cursor and returns what hello says of it.
func (s *server) resumed(cursor string) (*client, string) {
	s.t.Helper()
	c := s.dial("tail=3&cursor=" + cursor)
	hello, before := c.until("hello")
	require.Empty(s.t, before)
	return c, hello.Resume
}

func TestCursorExactFromMemory(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	s := serveFile(t, l.path)
	keep := s.dial("")
	keep.until("hello")
	l.add(numbered("n", 10)...)
	c := keep.cursorAfter(10)
	l.add("next")
	require.Equal(t, []string{"next"}, keep.lines(1))
	again, how := s.resumed(c)
	require.Equal(t, "exact", how)
	require.Equal(t, []string{"next"}, again.lines(1))
}

func TestCursorSurvivesRotationAndRestart(t *testing.T) {
	t.Parallel()
	for name, rotate := range map[string]func(l *logFile){
		"nothing":  func(*logFile) {},
		"rename":   func(l *logFile) { l.rename(".1"); l.reopen() },
		"twice":    func(l *logFile) { shift(l.t, l.path); l.reopen(); l.add("mid"); shift(l.t, l.path); l.reopen() },
		"dateext":  func(l *logFile) { l.rename("-20261125"); l.reopen() },
		"compress": func(l *logFile) { l.rename(".1"); gzipFile(l.t, l.path+".1"); l.reopen() },
		"copytruncate": func(l *logFile) {
			b, err := os.ReadFile(l.path)
			require.NoError(l.t, err)
			require.NoError(l.t, os.WriteFile(l.path+".1", b, 0o600))
			require.NoError(l.t, os.Truncate(l.path, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLog(t, numbered("line", 20)...)
			state := t.TempDir()
			start := func() *server {
				return serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, StateDir: state})
			}
			first := start()
			c := first.dial("tail=10").cursorAfter(10)
			first.stop()
			l.add("missed 0", "missed 1")
			rotate(l)
			l.add("missed 2")
			again, how := start().resumed(c)
			require.Equal(t, "file", how)
			want := []string{"missed 0", "missed 1", "missed 2"}
			if name == "twice" {
				want = []string{"missed 0", "missed 1", "mid", "missed 2"}
			}
			require.Equal(t, want, again.lines(len(want)))
			l.add("live")
			require.Equal(t, []string{"live"}, again.lines(1))
		})
	}
}

func gzipFile(t testing.TB, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	fi, err := os.Stat(path)
	require.NoError(t, err)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write(b)
	require.NoError(t, w.Close())
	require.NoError(t, os.WriteFile(path+".gz", z.Bytes(), 0o600))
	require.NoError(t, os.Chtimes(path+".gz", fi.ModTime(), fi.ModTime()))
	require.NoError(t, os.Remove(path))
}

func TestCursorWhoseFileIsGoneSaysSo(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a", "b")
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, Linger: -1})
	first := s.dial("")
	c := first.cursorAfter(2)
	first.cancel()
	require.NoError(t, os.Remove(l.path))
	// A file of the same size would get the same inode.
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(l.path), "other"), nil, 0o600))
	l.reopen()
	l.add("after the loss")
	eventually(t, func() bool {
		again, how := s.resumed(c)
		defer again.cancel()
		return how == "time"
	})
	again, _ := s.resumed(c)
	gap, _ := again.until("gap")
	require.EqualValues(t, -1, gap.lost(t))
	require.Equal(t, "rotated", gap.Why)
	require.Equal(t, []string{"after the loss"}, again.lines(1))
}

func TestCursorOfAnotherLogIsRefused(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path), "other": logs.File(l.path)}})
	c := s.dial("").cursorAfter(1)
	status, kind := s.status(http.MethodGet, "/logs/other?cursor="+c)
	require.Equal(t, 400, status)
	require.Equal(t, "urn:pruvon:problem:bad-cursor", kind)
}

func TestCursorOfACommandOutlivesEvictionWithAnExactGap(t *testing.T) {
	t.Parallel()
	flag := filepath.Join(t.TempDir(), "flag")
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": shell(`echo first; until [ -e ` + flag + ` ]; do sleep 0.02; done; i=0; while [ $i -lt 20000 ]; do echo "line $i of a command that goes on"; i=$((i+1)); done; sleep 1000`)},
		Ring:    -1,
	})
	first := s.dial("")
	c := first.cursorAfter(1)
	require.NoError(t, os.WriteFile(flag, nil, 0o600))
	last := ""
	for !strings.HasPrefix(last, "line 19999 ") {
		m := first.read()
		if m.Type == "lines" {
			e := m.entries(t)
			last = e[len(e)-1].M
		}
	}
	again, how := s.resumed(c)
	require.Equal(t, "none", how)
	gap, _ := again.until("gap")
	require.Equal(t, "evicted", gap.Why)
	lost := gap.lost(t)
	require.Positive(t, lost)
	m, _ := again.until("lines")
	require.Equal(t, "line "+itoa(int(lost))+" of a command that goes on", m.entries(t)[0].M, "the count is exact")
}

func TestWriterResumesAndTellsOfARestart(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	start := func(w *logs.Writer) *server {
		return serve(t, logs.Config{Sources: map[string]logs.Source{"app": w}, StateDir: state})
	}
	w := logs.NewWriter()
	_, _ = w.Write([]byte("one\ntwo\nthr"))
	s := start(w)
	first := s.dial("tail=all")
	c := first.cursorAfter(2)
	_, _ = w.Write([]byte("ee\n"))
	require.Equal(t, []string{"three"}, first.lines(1))
	s.stop()
	again := start(w)
	cl, how := again.resumed(c)
	require.Equal(t, "file", how)
	require.Equal(t, []string{"three"}, cl.lines(1))
	again.stop()
	fresh := logs.NewWriter()
	_, _ = fresh.Write([]byte("new life\n"))
	cl, _ = start(fresh).resumed(c)
	gap, _ := cl.until("gap")
	require.Equal(t, "restart", gap.Why)
	require.Equal(t, []string{"new life"}, cl.lines(1))
}
