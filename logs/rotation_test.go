package logs_test

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// shift renames as a rotator does: name.4 to name.5 and so on, then name to
// name.1; what would be the sixth is deleted.
func shift(t testing.TB, path string) {
	t.Helper()
	for i := 5; i > 0; i-- {
		old := path + "." + strconv.Itoa(i)
		if i == 5 {
			_ = os.Remove(old)
			continue
		}
		_ = os.Rename(old, path+"."+strconv.Itoa(i+1))
	}
	require.NoError(t, os.Rename(path, path+".1"))
}

// ledger checks that numbered lines "FILE NUMBER" come once each, and in order
// within each file.
type ledger struct {
	t     testing.TB
	seen  map[int]bool
	last  map[string]int
	gaps  int
	lines int
}

func newLedger(t testing.TB) *ledger {
	return &ledger{t: t, seen: map[int]bool{}, last: map[string]int{}}
}

func (l *ledger) line(text string) {
	l.t.Helper()
	fields := strings.Fields(text)
	require.GreaterOrEqual(l.t, len(fields), 2, "%q", text)
	n, err := strconv.Atoi(fields[1])
	require.NoError(l.t, err, "%q", text)
	require.False(l.t, l.seen[n], "line %d came twice", n)
	if last, ok := l.last[fields[0]]; ok {
		require.Greater(l.t, n, last, "order within file %s", fields[0])
	}
	l.seen[n], l.last[fields[0]] = true, n
	l.lines++
}

// take reads messages until n lines are there.
func (l *ledger) take(c *client, n int) {
	l.t.Helper()
	for l.lines < n {
		m := c.read()
		switch m.Type {
		case "lines":
			for _, e := range m.entries(l.t) {
				l.line(e.M)
			}
		case "gap":
			l.gaps++
		}
	}
}

func TestRenameRotationsAtSpeed(t *testing.T) {
	t.Parallel()
	rotations, pause := 100, 40*time.Millisecond
	if whole() {
		rotations, pause = 1000, 200*time.Millisecond
	}
	const perTick, tick = 50, time.Millisecond // 50,000 lines/s
	l := newLog(t)
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path, logs.Grace(time.Second))},
		Ring:    64 << 20,
	})
	c := s.dial("tail=0")
	c.until("hello")
	stop := make(chan int, 1)
	go func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		var buf bytes.Buffer
		n, file := 0, 0
		next := time.Now().Add(pause)
		for file < rotations {
			<-ticker.C
			buf.Reset()
			for range perTick {
				fmt.Fprintf(&buf, "%d %d %s\n", file, n, strings.Repeat("x", 130))
				n++
			}
			_, _ = l.f.Write(buf.Bytes())
			if time.Now().Before(next) {
				continue
			}
			next = time.Now().Add(pause)
			shift(t, l.path)
			// The writer goes on in the old file for a while.
			_, _ = fmt.Fprintf(l.f, "%d %d late\n", file, n)
			n++
			l.reopen()
			file++
		}
		stop <- n
	}()
	led := newLedger(t)
	total := -1
	for total < 0 || led.lines < total {
		select {
		case total = <-stop:
			continue
		default:
		}
		if total >= 0 {
			led.take(c, total)
			break
		}
		led.take(c, led.lines+1)
	}
	require.Equal(t, total, len(led.seen))
	require.Zero(t, led.gaps)
	t.Logf("%d lines over %d rotations", total, rotations)
}

// Two rotations between two looks: the generation between them was never under
// the name when anybody looked, and is found among the siblings.
func TestGenerationThatCameAndWentUnseen(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	s := serveFile(t, l.path, logs.PollOnly())
	c := s.dial("")
	require.Equal(t, []string{"a"}, c.lines(1))
	l.warm(c)
	for i := range 5 {
		shift(t, l.path)
		l.reopen()
		l.add(fmt.Sprint("unseen ", i))
		shift(t, l.path)
		l.reopen()
		l.add(fmt.Sprint("seen ", i))
		got := c.lines(2)
		require.ElementsMatch(t, []string{fmt.Sprint("unseen ", i), fmt.Sprint("seen ", i)}, got)
	}
}
