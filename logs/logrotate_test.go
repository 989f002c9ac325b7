package logs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// pacedWriter writes numbered lines to a path at a rate, and reopens it when it
// leads to another file, a little late as a daemon does.
type pacedWriter struct {
	stop chan struct{}
	done chan int
}

func startWriter(t *testing.T, path string, perTick int) *pacedWriter {
	t.Helper()
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return nil
		}
		return f
	}
	w := &pacedWriter{stop: make(chan struct{}), done: make(chan int, 1)}
	f := open()
	require.NotNil(t, f)
	go func() {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		n := 0
		for tick := 0; ; tick++ {
			select {
			case <-w.stop:
				_ = f.Close()
				w.done <- n
				return
			case <-ticker.C:
			}
			for range perTick {
				fmt.Fprintf(f, "p %d %s\n", n, strings.Repeat("x", 60))
				n++
			}
			if tick%20 != 0 {
				continue
			}
			mine, err1 := f.Stat()
			now, err2 := os.Stat(path)
			if err1 == nil && (err2 != nil || !os.SameFile(mine, now)) {
				_ = f.Close()
				f = open()
			}
		}
	}()
	return w
}

func (w *pacedWriter) end() int {
	close(w.stop)
	return <-w.done
}

// logrotate is Debian's, with a configuration for one file.
type logrotate struct {
	t           *testing.T
	conf, state string
}

func newLogrotate(t *testing.T, path, options string) *logrotate {
	t.Helper()
	dir := t.TempDir()
	r := &logrotate{t, filepath.Join(dir, "conf"), filepath.Join(dir, "state")}
	conf := fmt.Sprintf("%s {\n\trotate 50\n\tmissingok\n\t%s\n}\n", path, strings.ReplaceAll(options, ",", "\n\t"))
	require.NoError(t, os.WriteFile(r.conf, []byte(conf), 0o600))
	return r
}

func (r *logrotate) run() {
	r.t.Helper()
	out, err := exec.Command("logrotate", "-f", "-s", r.state, r.conf).CombinedOutput()
	require.NoError(r.t, err, string(out))
}

func TestRealLogrotateWithRename(t *testing.T) {
	t.Parallel()
	rotations := 3
	if whole() {
		rotations = 20
	}
	for name, options := range map[string]string{
		"create":                  "create",
		"nocreate":                "nocreate",
		"compress, delaycompress": "create,compress,delaycompress",
		"dateext":                 "create,dateext,dateformat -%Y%m%d-%s",
		"extension":               "create,dateext,dateformat -%Y%m%d-%s,extension .log",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "app.log")
			w := startWriter(t, path, 10)
			s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(path)}, Ring: 64 << 20})
			view := s.dial("tail=all").eager()
			got := view.lines(1)
			r := newLogrotate(t, path, options)
			for range rotations {
				r.run()
				// One date a second is all that the format can tell apart.
				timer := time.NewTimer(1100 * time.Millisecond)
				<-timer.C
			}
			want := w.end()
			got = append(got, view.lines(want-len(got))...)
			require.Len(t, got, want)
			files, err := filepath.Glob(filepath.Join(dir, "app*"))
			require.NoError(t, err)
			require.Greater(t, len(files), rotations)
			sameAsFiles(t, filepath.Join(dir, "app"), got)
			searchAll(t, serveFile(t, path)) // one that has nothing in memory
			require.Equal(t, want, strings.Count(s.text("follow=0&tail=all"), "\n"), "the download is all of it")
		})
	}
}

// searchAll finds the first lines that were written, in the oldest file of all,
// packed or not.
func searchAll(t *testing.T, s *server) {
	t.Helper()
	c := s.dial("tail=3&grep=" + escape("^p [0-2] "))
	done := c.searched()
	require.Equal(t, 3, done.Match)
	require.False(t, done.More)
	for i, line := range c.lines(3) {
		require.True(t, strings.HasPrefix(line, fmt.Sprintf("p %d ", i)), line)
	}
}

// Copytruncate loses what is written between the copy and the truncation. That
// is the rotator's doing and must be told; everything that stands in a file in
// the end must have been sent once.
func TestRealLogrotateWithCopytruncate(t *testing.T) {
	t.Parallel()
	rotations := 3
	if whole() {
		rotations = 20
	}
	for name, options := range map[string]string{
		"copytruncate":           "copytruncate",
		"with compress":          "copytruncate,compress",
		"with delaycompress":     "copytruncate,compress,delaycompress",
		"with dateext, compress": "copytruncate,compress,dateext,dateformat -%Y%m%d-%s",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "app.log")
			w := startWriter(t, path, 10)
			s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(path)}, Ring: 64 << 20})
			view := s.dial("tail=all").eager()
			got := map[string]bool{}
			gaps := 0
			take := func(m message) {
				switch m.Type {
				case "gap":
					require.EqualValues(t, -1, m.lost(t), "nobody can know how many")
					require.Equal(t, "truncated", m.Why)
					gaps++
				case "lines":
					for _, e := range m.entries(t) {
						require.False(t, got[e.M], "twice: %q", e.M)
						got[e.M] = true
					}
				}
			}
			for len(got) == 0 {
				take(view.read())
			}
			r := newLogrotate(t, path, options)
			for range rotations {
				r.run()
				timer := time.NewTimer(1500 * time.Millisecond)
				<-timer.C
			}
			last := fmt.Sprintf("p %d ", w.end()-1)
			for found := false; !found; {
				m := view.read()
				take(m)
				if m.Type == "lines" {
					e := m.entries(t)
					found = strings.HasPrefix(e[len(e)-1].M, last)
				}
			}
			require.Equal(t, rotations, gaps, "one for each truncation")
			files, err := filepath.Glob(path + "*")
			require.NoError(t, err)
			for _, f := range files {
				for line := range strings.SplitSeq(strings.Trim(readText(t, f), "\n"), "\n") {
					require.True(t, got[line] || line == "", "%s: %q was lost", filepath.Base(f), line)
				}
			}
			searchAll(t, serveFile(t, path)) // one that has nothing in memory
		})
	}
}
