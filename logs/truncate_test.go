package logs_test

import (
	"os"
	"strings"
	"testing"

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
