package logs_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// zstdFile packs a file as gzipFile does.
func zstdFile(t testing.TB, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	fi, err := os.Stat(path)
	require.NoError(t, err)
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path+".zst", w.EncodeAll(b, nil), 0o600))
	require.NoError(t, w.Close())
	require.NoError(t, os.Chtimes(path+".zst", fi.ModTime(), fi.ModTime()))
	require.NoError(t, os.Remove(path))
}

// history is a log of four files, the older two packed, with a needle at each
// end of each: needle 0 to needle 7.
func history(t testing.TB, pack func(testing.TB, string)) *logFile {
	t.Helper()
	l := newLog(t)
	var hay bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&hay, "hay %d\n", i)
	}
	for i := range 4 {
		l.add(fmt.Sprintf("needle %d", 2*i))
		l.raw(hay.String())
		l.add(fmt.Sprintf("needle %d", 2*i+1))
		if i == 3 {
			break
		}
		suffix := fmt.Sprintf(".%d", 3-i)
		l.rename(suffix)
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		require.NoError(t, os.Chtimes(l.path+suffix, at, at))
		if i < 2 {
			pack(t, l.path+suffix)
		}
		l.reopen()
	}
	return l
}

// searched reads to the end of a search and returns its result.
func (c *client) searched() message {
	c.t.Helper()
	for {
		if m, _ := c.until("search"); m.Done {
			return m
		}
	}
}

// The search goes back through packed files too, as far as it must, and goes on
// live without a seam.
func TestSearchThroughPackedSiblings(t *testing.T) {
	t.Parallel()
	for name, pack := range map[string]func(testing.TB, string){"gzip": gzipFile, "zstd": zstdFile} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := history(t, pack)
			s := serveFile(t, l.path)
			for n := 1; n <= 9; n++ {
				c := s.dial(fmt.Sprintf("tail=%d&grep=needle", n))
				done := c.searched()
				found := min(n, 8)
				require.Equal(t, found, done.Match)
				require.False(t, done.More)
				require.Equal(t, numbered("needle", 8)[8-found:], c.lines(found))
				c.cancel()
			}
			c := s.dial("tail=8&grep=needle")
			require.Equal(t, numbered("needle", 8), c.lines(8))
			l.add("hay", "needle 8")
			require.Equal(t, []string{"needle 8"}, c.lines(1))
		})
	}
}

// The last lines are looked for in packed files too.
func TestTailReachesIntoPackedSiblings(t *testing.T) {
	t.Parallel()
	l := history(t, gzipFile)
	s := serveFile(t, l.path)
	const file = 20_002
	for _, n := range []int{2*file + 1, 3*file - 1, 3 * file, 3*file + 2, 4 * file, 4*file + 1} {
		got := strings.Split(strings.TrimSuffix(s.text(fmt.Sprintf("follow=0&tail=%d", n)), "\n"), "\n")
		require.Len(t, got, min(n, 4*file))
		require.Equal(t, "needle 7", got[len(got)-1])
	}
	c := s.dial(fmt.Sprintf("tail=%d", 2*file+2))
	require.Equal(t, []string{"hay 19999", "needle 3", "needle 4", "hay 0"}, c.lines(2*file + 2)[:4])
}

// A search that has come to the end of its budget says so, and where another
// one may go on: together they find every line once.
func TestSearchGoesOnWhereItsBudgetEnded(t *testing.T) {
	t.Parallel()
	l := history(t, gzipFile)
	serveBudget := func(state string, bytes int64) *server {
		return serve(t, logs.Config{
			Sources: map[string]logs.Source{"app": logs.File(l.path)}, StateDir: state, SearchBytes: bytes,
		})
	}
	// In the live file, at its beginning, in a plain sibling, in a packed one.
	for _, budget := range []int64{1000, 250_000, 300_000, 550_000, 700_000} {
		state := t.TempDir()
		c := serveBudget(state, budget).dial("tail=100&grep=needle")
		done := c.searched()
		require.True(t, done.More)
		require.NotEmpty(t, done.To)
		late := c.lines(done.Match)
		early := serveBudget(state, -1).text("follow=0&tail=100&grep=needle&to=" + done.To)
		require.Equal(t, strings.Join(numbered("needle", 8), "\n")+"\n", early+strings.Join(late, "\n")+"\n", "budget %d", budget)
	}
	// Without a pattern it is the same.
	state := t.TempDir()
	c := serveBudget(state, 550_000).dial("tail=80008")
	done := c.searched()
	require.True(t, done.More)
	late := c.lines(done.Match)
	early := serveBudget(state, -1).text("follow=0&tail=80008&to=" + done.To)
	require.Equal(t, 80008, strings.Count(early, "\n")+len(late))
}

// While it searches it says how far it is.
func TestSearchTellsItsProgress(t *testing.T) {
	t.Parallel()
	for name, packed := range map[string]bool{"plain": false, "packed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t, "needle")
			l.raw(strings.Repeat("hay hay hay hay hay\n", 10_000))
			if packed {
				l.rename(".1")
				gzipFile(t, l.path+".1")
				l.reopen()
			}
			var n atomic.Int64
			s := serve(t, logs.Config{
				Sources: map[string]logs.Source{"app": logs.File(l.path)},
				Redact: func(line []byte) []byte {
					if n.Add(1)%100 == 0 {
						<-time.After(5 * time.Millisecond) // a search that takes its time
					}
					return line
				},
			})
			c := s.dial("tail=1&grep=needle")
			var scanned int64
			news := 0
			for {
				m, _ := c.until("search")
				require.GreaterOrEqual(t, m.Scan, scanned)
				scanned = m.Scan
				if m.Done {
					break
				}
				news++
			}
			require.Positive(t, news)
			require.EqualValues(t, 7+200_000, scanned)
			require.Equal(t, []string{"needle"}, c.lines(1))
		})
	}
}

// A packed file that is damaged spoils itself only: what can be unpacked is
// sent, the rest is a gap, and a search that comes to it says that it has not
// seen everything.
func TestDamagedPackedSiblingIsAGap(t *testing.T) {
	t.Parallel()
	for name, pack := range map[string]func(testing.TB, string){"gzip": gzipFile, "zstd": zstdFile} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := history(t, pack)
			suffix := map[string]string{"gzip": ".gz", "zstd": ".zst"}[name]
			for i, damage := range map[int]func([]byte) []byte{
				2: func(b []byte) []byte { return b[:len(b)/2] },
				3: func(b []byte) []byte { return []byte("no such thing\n") },
			} {
				path := fmt.Sprintf("%s.%d%s", l.path, i, suffix)
				fi, err := os.Stat(path)
				require.NoError(t, err)
				b, err := os.ReadFile(path)
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(path, damage(b), 0o600))
				require.NoError(t, os.Chtimes(path, fi.ModTime(), fi.ModTime()))
			}
			s := serveFile(t, l.path)
			c := s.stream("follow=0&tail=all&grep=needle")
			end, before := c.until("end")
			require.Equal(t, "complete", end.Why)
			gaps, found := 0, []string{}
			for _, m := range before {
				switch m.Type {
				case "gap":
					require.Equal(t, "rotated", m.Why)
					require.EqualValues(t, -1, m.lost(t))
					gaps++
				case "lines":
					for _, e := range m.entries(t) {
						found = append(found, e.M)
					}
				}
			}
			require.Equal(t, 2, gaps)
			require.Equal(t, numbered("needle", 8)[4:], found[len(found)-4:])
			done := s.dial("tail=100&grep=needle").searched()
			require.True(t, done.More)
			require.Equal(t, 4, done.Match)
		})
	}
}

// A sibling that was packed after it had been read, and got a new time by that,
// is not read again.
func TestRetiredFileThatIsPackedLater(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a", "b")
	s := serveFile(t, l.path, logs.Grace(50*time.Millisecond))
	c := s.dial("")
	require.Equal(t, []string{"a", "b"}, c.lines(2))
	l.warm(c)
	l.rename(".1")
	l.reopen()
	l.add("c")
	require.Equal(t, []string{"c"}, c.lines(1))
	eventually(t, func() bool { return openFiles(t, l.path) == 2 }) // ours and the live one
	gzipFile(t, l.path+".1")
	now := time.Now().Add(time.Minute)
	require.NoError(t, os.Chtimes(l.path+".1.gz", now, now))
	l.rename(".0")
	l.reopen()
	l.add("d")
	require.Equal(t, []string{"d"}, c.lines(1))
}
