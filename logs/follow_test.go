package logs_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTailThenFollow(t *testing.T) {
	t.Parallel()
	l := newLog(t, numbered("old", 300)...)
	s := serveFile(t, l.path)
	c := s.dial("tail=5")
	require.Equal(t, "hello", c.read().Type)
	require.Equal(t, numbered("old", 300)[295:], c.lines(5))
	l.add("new 0", "new 1")
	require.Equal(t, []string{"new 0", "new 1"}, c.lines(2))
}

func TestRenameAndCreateLosesNothing(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serveFile(t, l.path)
	c := s.dial("tail=1")
	require.Equal(t, []string{"a"}, c.lines(1))
	l.rename(".1")
	l.add("written to the old file after the rename")
	require.Len(t, c.lines(1), 1)
	fresh, err := os.OpenFile(l.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	defer fresh.Close()
	_, err = fresh.WriteString("new file\n")
	require.NoError(t, err)
	m, _ := c.until("source")
	require.Equal(t, "missing", m.State)
	require.Equal(t, []string{"new file"}, c.lines(1))
	l.add("late line of the old file")
	require.Equal(t, []string{"late line of the old file"}, c.lines(1))
}

func TestNDJSONAndText(t *testing.T) {
	t.Parallel()
	l := newLog(t, "x", "y", "z")
	s := serveFile(t, l.path)
	c := s.stream("tail=2")
	require.Equal(t, []string{"y", "z"}, c.lines(2))
	require.Equal(t, "x\ny\nz\n", s.text("follow=0"))
	require.Equal(t, "z\n", s.text("follow=0&tail=1"))
}
