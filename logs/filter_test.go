package logs_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

func TestFiltersOnHistoryAndLive(t *testing.T) {
	t.Parallel()
	l := newLog(t, "ERROR one", "INFO two", "\x1b[31mERROR\x1b[0m three", "debug: x=1", "plain")
	s := serveFile(t, l.path)
	for query, want := range map[string]string{
		"grep=ERROR":                   "ERROR one\n\x1b[31mERROR\x1b[0m three\n",
		"grep=" + escape("^ERROR t"):   "\x1b[31mERROR\x1b[0m three\n",
		"not=ERROR":                    "INFO two\ndebug: x=1\nplain\n",
		"level=error":                  "ERROR one\n\x1b[31mERROR\x1b[0m three\n",
		"level=info":                   "ERROR one\nINFO two\n\x1b[31mERROR\x1b[0m three\n",
		"grep=ERROR&tail=1":            "\x1b[31mERROR\x1b[0m three\n",
		"grep=ERROR&not=three":         "ERROR one\n",
		"grep=" + escape("no such"):    "",
		"tail=all&grep=" + escape("e"): "ERROR one\n\x1b[31mERROR\x1b[0m three\ndebug: x=1\n",
	} {
		require.Equal(t, want, s.text("follow=0&"+query), query)
	}
	c := s.dial("tail=1&grep=ERROR")
	require.Len(t, c.lines(1), 1)
	l.add("nothing", "ERROR live", "nothing")
	require.Equal(t, []string{"ERROR live"}, c.lines(1))
}

// The search goes back through rotated files, tells how far it is, and goes on
// live without a seam.
func TestSearchBackThroughRotatedFiles(t *testing.T) {
	t.Parallel()
	l := newLog(t, "needle 0")
	var b bytes.Buffer
	for i := range 20_000 {
		fmt.Fprintf(&b, "hay %d\n", i)
	}
	l.raw(b.String())
	l.rename(".1")
	l.reopen()
	l.raw(b.String())
	l.add("needle 1")
	s := serveFile(t, l.path)
	c := s.dial("tail=2&grep=needle")
	done, _ := c.until("search")
	for !done.Done {
		done, _ = c.until("search")
	}
	require.Equal(t, 2, done.Match)
	require.False(t, done.More)
	require.Equal(t, []string{"needle 0", "needle 1"}, c.lines(2))
	l.add("hay", "needle 2")
	require.Equal(t, []string{"needle 2"}, c.lines(1))
}

func TestSearchKeepsToItsBudget(t *testing.T) {
	t.Parallel()
	l := newLog(t, "needle")
	l.raw(strings.Repeat("hay\n", 100_000))
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, SearchBytes: 100_000})
	c := s.dial("tail=5&grep=needle")
	done, _ := c.until("search")
	require.True(t, done.Done)
	require.True(t, done.More, "it says that it did not see everything")
	require.NotEmpty(t, done.To)
	l.add("needle live")
	require.Equal(t, []string{"needle live"}, c.lines(1))
}

func TestSinceAndUntil(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	base := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	for i := range 10_000 {
		fmt.Fprintf(&b, "%s message %d\n", base.Add(time.Duration(i)*time.Second).Format(time.RFC3339), i)
		if i%10 == 0 {
			b.WriteString("\tat a stack trace\n")
		}
	}
	l.raw(b.String())
	s := serveFile(t, l.path)
	at := func(i int) string { return escape(base.Add(time.Duration(i) * time.Second).Format(time.RFC3339)) }
	got := strings.Split(strings.TrimSuffix(s.text("follow=0&since="+at(9000)+"&until="+at(9002)), "\n"), "\n")
	require.Len(t, got, 4)
	require.Contains(t, got[0], "message 9000")
	require.Equal(t, "\tat a stack trace", got[1], "lines without a time go with the line before")
	require.Contains(t, got[3], "message 9002")
}

// A stream with an end in time ends when the log has come to it.
func TestUntilEndsALiveStream(t *testing.T) {
	t.Parallel()
	l := newLog(t, "no time yet", "2026-11-25T10:00:00Z a")
	s := serveFile(t, l.path)
	c := s.dial("since=2026-11-25T09:00:00Z&until=2026-11-25T11:00:00Z")
	require.Equal(t, []string{"2026-11-25T10:00:00Z a"}, c.lines(1), "what has no time goes with the line before, and there is none")
	l.add("goes with it", "2026-11-25T11:00:00Z b")
	require.Equal(t, []string{"goes with it", "2026-11-25T11:00:00Z b"}, c.lines(2))
	l.add("2026-11-25T11:00:01Z c", "2026-11-25T10:30:00Z d")
	end, before := c.until("end")
	require.Empty(t, before)
	require.Equal(t, "complete", end.Why)
}

// Each file counts once, whatever else leads to it.
func TestDoubledSiblingsCountOnce(t *testing.T) {
	t.Parallel()
	l := newLog(t, "one")
	l.rename(".2")
	gzipFile(t, l.path+".2")
	require.NoError(t, os.WriteFile(l.path+".2", []byte("one\n"), 0o600)) // not removed yet by the rotator
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(l.path+".2", old, old))
	l.reopen()
	l.add("two")
	require.NoError(t, os.Link(l.path, l.path+".1")) // about to be rotated
	require.NoError(t, os.Symlink(l.path, l.path+".3"))
	require.Equal(t, "one\ntwo\n", serveFile(t, l.path).text("follow=0&tail=all"))
}

func TestSearchSeesLinesWithoutTheirCR(t *testing.T) {
	t.Parallel()
	l := newLog(t, "needle\r", "needle and hay\r")
	c := serveFile(t, l.path).dial("tail=1&grep=" + escape("^needle$"))
	require.Equal(t, 1, c.searched().Match)
	require.Equal(t, []string{"needle"}, c.lines(1))
}

func TestDownloadIsTheSameViewWithRotatedSiblings(t *testing.T) {
	t.Parallel()
	l := newLog(t, "first password=hunter2")
	l.rename(".2")
	gzipFile(t, l.path+".2")
	l.reopen()
	l.add("second")
	l.rename(".1")
	l.reopen()
	l.add("third")
	l.raw("unfinished")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(l.path+".2.gz", old, old))
	require.NoError(t, os.Chtimes(l.path+".1", old.Add(time.Minute), old.Add(time.Minute)))
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path)}, Redact: logs.RedactSecrets,
	})
	require.Equal(t, "first password=[redacted]\nsecond\nthird\nunfinished\n", s.text("follow=0&tail=all&download=1"))
	require.Equal(t, "second\nthird\nunfinished\n", s.text("follow=0&tail=3"), "tail goes on into .1")
}
