package logs_test

import (
	"os"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// Neither a copy of the file nor a sibling that was there long before is taken
// for one that came and went unseen.
func TestRotationReadsNoOtherSibling(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a", "b")
	require.NoError(t, os.WriteFile(l.path+".5", []byte("ancient\n"), 0o600))
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(l.path+".5", old, old))
	s := serveFile(t, l.path)
	c := s.dial("tail=2")
	require.Equal(t, []string{"a", "b"}, c.lines(2))
	l.warm(c)
	text, err := os.ReadFile(l.path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(l.path+".1", text, 0o600))
	l.rename(".2")
	l.reopen()
	l.add("new")
	require.Equal(t, []string{"new"}, c.lines(1))
	l.add("newer")
	require.Equal(t, []string{"newer"}, c.lines(1))
}

// The beginning of a line is a line when its file is given up or emptied.
func TestUnfinishedLineOfAFileThatEnds(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*logFile){
		"renamed":   func(l *logFile) { l.rename(".1"); l.reopen() },
		"truncated": func(l *logFile) { require.NoError(l.t, os.Truncate(l.path, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t, "a")
			c := serveFile(t, l.path, logs.Grace(50*time.Millisecond)).dial("")
			require.Equal(t, []string{"a"}, c.lines(1))
			l.warm(c)
			l.raw("whole\nhalf") // once the one is there, the other has been read
			require.Equal(t, []string{"whole"}, c.lines(1))
			end(l)
			m, _ := c.until("lines")
			require.Equal(t, "half", m.entries(t)[0].M)
		})
	}
}

func TestFileThatIsReplacedByAnother(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	c := serveFile(t, l.path).dial("")
	require.Equal(t, []string{"a"}, c.lines(1))
	l.warm(c)
	require.NoError(t, os.WriteFile(l.path+".new", []byte("b\n"), 0o600))
	require.NoError(t, os.Rename(l.path+".new", l.path))
	m, _ := c.until("source")
	require.Equal(t, "replaced", m.State)
	require.Equal(t, []string{"b"}, c.lines(1))
}

// A file that is renamed away and back is the same one.
func TestFileThatComesBack(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serveFile(t, l.path, logs.Grace(300*time.Millisecond))
	c := s.dial("")
	require.Equal(t, []string{"a"}, c.lines(1))
	l.warm(c)
	l.rename(".away")
	m, _ := c.until("source")
	require.Equal(t, "missing", m.State)
	require.NoError(t, os.Rename(l.path+".away", l.path))
	l.add("b")
	require.Equal(t, []string{"b"}, c.lines(1))
	timer := time.NewTimer(600 * time.Millisecond) // the grace of what has lost its name
	<-timer.C
	l.add("c")
	require.Equal(t, []string{"c"}, c.lines(1))
}
