package logs_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// Lines that are changed on their way are counted by what was done to them,
// live and each time they are read from history, and for the log that Lookup
// found too.
func TestAlteredLinesAreCounted(t *testing.T) {
	t.Parallel()
	texts := []string{
		"nothing to do \t \x1b[31mred\x1b[0m \"quoted\" \\ é",
		"password=hunter2",
		"a\xff", "a\x1b]0;t\x07", "a\u202eb", "a\rb", "\x7f",
		"both \xfe and \x00 and password=hunter2",
		strings.Repeat("x", 64<<10), strings.Repeat("x", 64<<10+1),
	}
	want := map[string]float64{"redacted": 2, "invalid_utf8": 2, "control": 5, "cut": 1}
	l := newLog(t)
	reg := prometheus.NewRegistry()
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path)}, Redact: logs.RedactSecrets, Registerer: reg,
	})
	counted := func(how string) float64 { return value(t, reg, "pruvon_logs_altered_lines_total{how="+how+",log=app}") }
	c := s.dial("tail=0")
	c.until("hello")
	l.add(texts...)
	c.lines(len(texts))
	for how, n := range want {
		require.Equal(t, n, counted(how), "%s, read live", how)
	}
	s.text("follow=0&tail=all")
	for how, n := range want {
		require.Equal(t, 2*n, counted(how), "%s, read from history too", how)
	}
}

// blank is a Redact that works in place, as it may.
func blank(line []byte) []byte {
	if i := bytes.Index(line, []byte("key=")); i >= 0 {
		for j := i + 4; j < len(line); j++ {
			line[j] = '*'
		}
		return append(line, " (blanked)"...)
	}
	return line
}

// What a line is read into is compared with the file later, and what a Writer
// keeps belongs to all viewers: neither may be changed by Redact.
func TestRedactMayWorkInPlace(t *testing.T) {
	t.Parallel()
	l := newLog(t, "key=history")
	w := logs.NewWriter()
	s := serve(t, logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path), "writer": w}, Redact: blank})
	c := s.dial("")
	require.Equal(t, []string{"key=******* (blanked)"}, c.lines(1))
	for range 5 {
		l.add("key=secret", "next", "key=secret")
		require.Equal(t, []string{"key=****** (blanked)", "next", "key=****** (blanked)"}, c.lines(3), "no rotation was seen that there was not")
	}
	l.add("last")
	cursor := c.cursorAfter(1)
	c.cancel()
	l.rename(".1")
	l.reopen()
	l.add("key=rotated")
	require.Equal(t, "key=******* (blanked)\n", s.text("follow=0&cursor="+cursor), "the place is found again")
	_, _ = w.Write([]byte("key=a\nkey=b\n"))
	for range 3 {
		v := s.dialName("writer", "tail=all")
		require.Equal(t, []string{"key=* (blanked)", "key=* (blanked)"}, v.lines(2))
	}
}
