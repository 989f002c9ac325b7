package logs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// warm waits until the file is being followed: before that, it may have been
// changed before it was looked at.
func (l *logFile) warm(c *client) {
	l.t.Helper()
	l.add("warm")
	require.Equal(l.t, []string{"warm"}, c.lines(1))
}

// A file that was emptied and has grown past the old offset before anybody
// looked: its size tells nothing, the bytes before the offset do.
func TestTruncateAndRegrowPastTheOffset(t *testing.T) {
	t.Parallel()
	l := newLog(t, numbered("before", 50)...)
	s := serveFile(t, l.path)
	c := s.dial("tail=1")
	require.Equal(t, []string{"before 49"}, c.lines(1))
	l.warm(c)
	fresh := strings.Join(numbered("after", 200), "\n") + "\n"
	// One write into a file that is truncated as it is opened.
	require.NoError(t, os.WriteFile(l.path, []byte(fresh), 0o600))
	m, _ := c.until("source")
	require.Equal(t, "truncated", m.State)
	gap, _ := c.until("gap")
	require.Equal(t, "truncated", gap.Why)
	require.EqualValues(t, -1, gap.lost(t))
	require.Equal(t, numbered("after", 200), c.lines(200))
}

func TestTruncateToTheSameSize(t *testing.T) {
	t.Parallel()
	l := newLog(t, "one", "two")
	s := serveFile(t, l.path)
	c := s.dial("")
	require.Equal(t, []string{"one", "two"}, c.lines(2))
	l.warm(c)
	require.NoError(t, os.WriteFile(l.path, []byte("six\nten\nwarn\n"), 0o600))
	c.until("gap")
	require.Equal(t, []string{"six", "ten", "warn"}, c.lines(3))
}

// What was written and copied away before anybody looked is read from the copy:
// the sibling that begins with all that was read, not the newest one.
func TestCopytruncateIsCompletedFromTheCopy(t *testing.T) {
	t.Parallel()
	l := newLog(t, numbered("before", 50)...)
	s := serveFile(t, l.path, logs.PollOnly())
	c := s.dial("tail=1")
	require.Equal(t, []string{"before 49"}, c.lines(1))
	l.warm(c)
	for i := range 4 {
		want := numbered("unread "+itoa(i), 20)
		text, err := os.ReadFile(l.path)
		require.NoError(t, err)
		add := strings.Join(want, "\n") + "\n"
		require.NoError(t, os.WriteFile(l.path+".1", append(text, add...), 0o600))
		require.NoError(t, os.WriteFile(l.path+".0", []byte(strings.Repeat("another file\n", 200)), 0o600))
		l.raw(add)
		require.NoError(t, os.Truncate(l.path, 0))
		require.Equal(t, want, c.lines(20), "round %d", i)
		gap, _ := c.until("gap")
		require.Equal(t, "truncated", gap.Why)
		l.add("after " + itoa(i))
		require.Equal(t, []string{"after " + itoa(i)}, c.lines(1))
		require.NoError(t, os.Remove(l.path+".0"))
	}
}

func TestDeleteAndRecreate(t *testing.T) {
	t.Parallel()
	l := newLog(t, "first life")
	s := serveFile(t, l.path)
	c := s.dial("")
	require.Equal(t, []string{"first life"}, c.lines(1))
	l.warm(c)
	require.NoError(t, os.Remove(l.path))
	m, _ := c.until("source")
	require.Equal(t, "missing", m.State)
	l.add("still written to the deleted file")
	require.Equal(t, []string{"still written to the deleted file"}, c.lines(1))
	l.reopen()
	l.add("second life")
	require.Equal(t, []string{"second life"}, c.lines(1))
}

// A writer that does not append goes on at its old offset in a file that was
// emptied, and leaves a hole before it.
func TestHoleOfAWriterThatDoesNotAppend(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	f, err := os.OpenFile(l.path, os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString(strings.Repeat("x", 99_999) + "\n")
	require.NoError(t, err)
	s := serveFile(t, l.path)
	c := s.dial("tail=0")
	c.until("hello")
	_, err = f.WriteString("last\n")
	require.NoError(t, err)
	require.Equal(t, []string{"last"}, c.lines(1))
	require.NoError(t, os.Truncate(l.path, 0))
	c.until("gap")
	_, err = f.WriteString("behind the hole\n")
	require.NoError(t, err)
	gap, _ := c.until("gap")
	require.Equal(t, "hole", gap.Why)
	require.Zero(t, gap.lost(t))
	require.EqualValues(t, 100_005, *gap.Bytes)
	require.Equal(t, []string{"behind the hole"}, c.lines(1))
}

// A line that has begun when the first viewer comes is read from its beginning.
func TestUnfinishedFirstLineIsReadWhole(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.raw("par")
	c := serveFile(t, l.path).dial("tail=0")
	c.until("hello")
	l.raw("tial\n")
	require.Equal(t, []string{"partial"}, c.lines(1))
}

// A log whose name leads nowhere when it is opened has not gone missing.
func TestNameThatLedNowhereFromTheStart(t *testing.T) {
	t.Parallel()
	l := newLog(t, "old")
	l.rename(".1")
	c := serveFile(t, l.path).dial("")
	require.Equal(t, []string{"old"}, c.lines(1))
	l.warm(c)
	l.reopen()
	l.add("new")
	m, before := c.until("lines")
	require.Equal(t, "new", m.entries(t)[0].M)
	for _, b := range before {
		require.NotEqual(t, "missing", b.State)
	}
}

func TestUnfinishedLineIsShownAndContinued(t *testing.T) {
	t.Parallel()
	l := newLog(t, "whole")
	s := serveFile(t, l.path)
	c := s.dial("")
	require.Equal(t, []string{"whole"}, c.lines(1))
	l.raw("waiting for ")
	m, _ := c.until("lines")
	e := m.entries(t)[0]
	require.Equal(t, "waiting for ", e.M)
	require.True(t, e.P)
	l.raw("its end\nnext\n")
	require.Equal(t, []string{"its end", "next"}, c.lines(2))
}

func TestLineOfAHundredMegabytesIsCutAndCounted(t *testing.T) {
	t.Parallel()
	size := 10 << 20
	if whole() {
		size = 100 << 20
	}
	l := newLog(t)
	s := serveFile(t, l.path)
	c := s.dial("tail=0")
	c.until("hello")
	chunk := strings.Repeat("y", 1<<20)
	for range size >> 20 {
		l.raw(chunk)
	}
	l.raw("\nnext\n")
	total := int64(0)
	for {
		m, _ := c.until("lines")
		for _, e := range m.entries(t) {
			if e.M == "next" {
				require.EqualValues(t, size, total)
				return
			}
			require.LessOrEqual(t, len(e.M), 64<<10)
			if e.N > 0 {
				total += e.N
			} else {
				total += int64(len(e.M))
			}
		}
	}
}
