package logs_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// The halves of a secret, neither of which may be seen, and what is to be seen
// of it: a cut line may end in the middle of that.
const (
	secretFirst, secretSecond = "hunterfirst", "secondhunter"
	secretSeen                = "password=[red"
	secretEnd                 = "the end of the secrets"
)

// secretText is a text whose secrets lie across every multiple of 64 KiB, which
// is where reads and messages end, and in one line across the place where it
// is cut.
func secretText() (text string, secrets int) {
	const step = 64 << 10
	var b strings.Builder
	line := "password=" + secretFirst + secretSecond
	half := len("password=" + secretFirst)
	for at := step; at <= 6*step; at += step {
		for b.Len() < at-half-200 {
			b.WriteString(strings.Repeat("x", 99) + "\n")
		}
		b.WriteString(strings.Repeat("y", at-half-b.Len()-1) + "\n" + line + "\n")
		secrets++
	}
	b.WriteString(strings.Repeat("z", step-half) + line + strings.Repeat("z", 100) + "\n")
	return b.String() + secretEnd + "\n", secrets + 1
}

// A secret is seen on no way out: live or from history, in the file that is
// written, a rotated or a packed one, resumed, searched, downloaded, from a
// command or the program itself, in any form.
func TestSecretsLeaveOnNoWay(t *testing.T) {
	t.Parallel()
	text, secrets := secretText()
	// Writes end in the middle of lines.
	spread := func(w io.Writer) {
		for rest := text; rest != ""; {
			n := min(len(rest), 4093)
			_, err := io.WriteString(w, rest[:n])
			require.NoError(t, err)
			rest = rest[n:]
		}
	}
	file := func(t testing.TB, pack string) (*logFile, logs.Source) {
		l := newLog(t, "first")
		if pack != "live" {
			spread(l.f)
		}
		if pack == "rotated" || pack == "packed" {
			l.rename(".1")
			l.reopen()
		}
		if pack == "packed" {
			gzipFile(t, l.path+".1")
		}
		return l, logs.File(l.path)
	}
	type way struct {
		source func(testing.TB) (logs.Source, func())
		query  string
	}
	of := func(pack string) func(testing.TB) (logs.Source, func()) {
		return func(t testing.TB) (logs.Source, func()) {
			l, src := file(t, pack)
			return src, func() {
				if pack == "live" {
					spread(l.f)
				}
			}
		}
	}
	for name, w := range map[string]way{
		"live":              {of("live"), "tail=0"},
		"history":           {of("history"), "tail=all"},
		"last lines":        {of("history"), "tail=100000"},
		"rotated":           {of("rotated"), "tail=all"},
		"packed":            {of("packed"), "tail=all"},
		"download":          {of("history"), "tail=all&follow=0"},
		"packed download":   {of("packed"), "tail=all&follow=0&download=1"},
		"search":            {of("rotated"), "tail=1000&grep=" + escape("password|end of")},
		"packed search":     {of("packed"), "tail=1000&grep=" + escape("password|end of")},
		"resume":            {of("history"), "cursor"},
		"resume in packed":  {of("packed"), "cursor"},
		"resumed, download": {of("packed"), "follow=0&cursor"},
		"writer, history": {func(testing.TB) (logs.Source, func()) {
			w := logs.NewWriter()
			spread(w)
			return w, func() {}
		}, "tail=all"},
		"writer, live": {func(testing.TB) (logs.Source, func()) {
			w := logs.NewWriter()
			return w, func() { spread(w) }
		}, "tail=0"},
		"command": {func(t testing.TB) (logs.Source, func()) {
			l, _ := file(t, "history")
			return logs.Command(func(ctx context.Context) *exec.Cmd {
				return exec.CommandContext(ctx, "/bin/sh", "-c", `cat "$0"; cat "$0" >&2; exec sleep 1000`, l.path)
			}), func() {}
		}, "tail=all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for form, open := range openers() {
				src, then := w.source(t)
				cfg := logs.Config{Sources: map[string]logs.Source{"app": src}, Redact: logs.RedactSecrets, Linger: -1, StateDir: t.TempDir()}
				s := serve(t, cfg)
				query := w.query
				if before, ok := strings.CutSuffix(query, "cursor"); ok {
					query = before + "cursor=" + s.afterFirst()
				}
				find := open(s, query)
				then()
				got := find(secretEnd)
				require.NotContains(t, got, secretFirst, form)
				require.NotContains(t, got, secretSecond, form)
				seen := strings.Count(got, secretSeen)
				if name == "command" {
					require.GreaterOrEqual(t, seen, secrets, form) // and some of the other pipe's
					continue
				}
				require.Equal(t, secrets, seen, form)
			}
		})
	}
}

// afterFirst is the cursor after the line "first".
func (s *server) afterFirst() string {
	s.t.Helper()
	c := s.stream("follow=0&tail=all&grep=" + escape("^first$"))
	return c.cursorAfter(1)
}

// What is said in the service's own log names no line of a log.
func TestNoLineOfALogInTheServicesLog(t *testing.T) {
	t.Parallel()
	var own syncBuffer
	l := newLog(t, "password="+secretFirst)
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{"app": logs.File(l.path), "bad": panicSource{}}, Redact: logs.RedactSecrets,
		Logger: own.logger(),
	})
	s.dial("").lines(1)
	s.dialName("bad", "grep="+secretFirst).until("end")
	status, _ := s.status("GET", "/logs/app?grep=("+secretFirst)
	require.Equal(t, 400, status)
	require.NotEmpty(t, own.String())
	require.NotContains(t, own.String(), secretFirst)
}

// The key that cursors are signed with is nobody else's.
func TestKeyOfCursorsIsPrivate(t *testing.T) {
	t.Parallel()
	state := t.TempDir() + "/state"
	l := newLog(t)
	cfg := logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, StateDir: state, Authorize: allowAll}
	serve(t, cfg)
	fi, err := os.Stat(state)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), fi.Mode().Perm())
	fi, err = os.Stat(state + "/logs-cursor.key")
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), fi.Mode().Perm())
	require.NoError(t, os.Truncate(state+"/logs-cursor.key", 3))
	_, err = logs.New(cfg)
	require.ErrorContains(t, err, "StateDir")
}
