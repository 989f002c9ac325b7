package terminal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/pruvon/pruvon/terminal"
)

// output runs a terminal to its end and returns what it showed.
func output(t *testing.T, term terminal.Terminal) string {
	t.Helper()
	s := serve(t, term)
	c := s.open("")
	c.ended()
	return strings.ReplaceAll(c.out.String(), "\r\n", "\n")
}

// environment runs env -0 in a terminal and returns what it says.
func environment(t *testing.T, env []string) map[string]string {
	t.Helper()
	m := make(map[string]string)
	for _, kv := range strings.Split(output(t, terminal.Terminal{
		Command: func(context.Context, terminal.Start) (*exec.Cmd, error) {
			cmd := exec.Command("/usr/bin/env", "-0")
			cmd.Env = env
			return cmd, nil
		},
	}), "\x00") {
		if k, v, ok := strings.Cut(kv, "="); ok {
			m[k] = v
		}
	}
	return m
}

// The host's own environment holds secrets, and what its service manager has
// passed to it; none of it reaches a shell.
func TestEnvironmentIsAnAllowlist(t *testing.T) {
	for k, v := range map[string]string{
		"DB_PASSWORD": "hunter2", "AWS_SECRET_ACCESS_KEY": "x", "LD_PRELOAD": "", "NOTIFY_SOCKET": "/run/x",
		"LISTEN_FDS": "1", "LISTEN_PID": "1", "INVOCATION_ID": "x", "JOURNAL_STREAM": "8:1", "BASH_ENV": "/x",
		"LANG": "C.UTF-8", "HTTP_PROXY": "http://user:pass@proxy",
	} {
		t.Setenv(k, v)
	}
	got := environment(t, nil)
	allowed := regexp.MustCompile(`^(PATH|TERM|COLORTERM|LANG|LC_[A-Z]+|TZ|HOME|USER|LOGNAME|SHELL|TMPDIR|XDG_RUNTIME_DIR|PRUVON_[A-Z_]+)$`)
	for k := range got {
		require.Regexp(t, allowed, k)
	}
	require.Equal(t, "xterm-256color", got["TERM"])
	require.Equal(t, "C.UTF-8", got["LANG"])
	require.NotEmpty(t, got["PATH"])
}

func TestEnvironmentThatTheHostSets(t *testing.T) {
	t.Setenv("DB_PASSWORD", "hunter2")
	got := environment(t, []string{"PATH=/usr/bin:/bin", "APP=shop", "EMPTY="})
	for k := range got {
		if strings.HasPrefix(k, "PRUVON_") { // the mark by which the tree is found
			delete(got, k)
		}
	}
	require.Equal(t, map[string]string{
		"PATH": "/usr/bin:/bin", "APP": "shop", "EMPTY": "", "TERM": "xterm-256color", "COLORTERM": "truecolor",
	}, got)
	require.Equal(t, "screen", environment(t, []string{"TERM=screen"})["TERM"])
	require.NotContains(t, environment(t, []string{}), "PATH", "an empty environment is not the clean one")
}

// What the host has open without close-on-exec (descriptors that a service
// manager passes are) would stay open in every shell: a listener that nobody
// can bind again, a pipe whose end never comes.
func TestNoDescriptorIsInherited(t *testing.T) {
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	_, err = unix.FcntlInt(w.Fd(), unix.F_SETFD, 0)
	require.NoError(t, err)
	secret, err := os.Open(filepath.Join("testdata"))
	require.NoError(t, err)
	defer secret.Close()
	_, err = unix.FcntlInt(secret.Fd(), unix.F_SETFD, 0)
	require.NoError(t, err)

	// ls lists its own: the three of the terminal, and the folder it reads.
	out := output(t, shell(`ls -l /proc/self/fd`))
	got := regexp.MustCompile(`(\d+) -> (\S+)`).FindAllString(out, -1)
	require.Len(t, got, 4, out)
	for i, line := range got[:3] {
		require.Regexp(t, fmt.Sprintf(`^%d -> /dev/pts/\d+$`, i), line)
	}
	require.Regexp(t, `^3 -> /proc/\d+/fd$`, got[3])
}
