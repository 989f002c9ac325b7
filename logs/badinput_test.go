package logs_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// failingSource ends as soon as it is followed.
type failingSource struct{}

func (failingSource) Follow(context.Context, logs.Position, logs.Sink) error {
	return errors.New("no connection to /secret/path")
}

// Each kind of bad input has a clear answer, and whoever watches another log
// meanwhile notices nothing of it.
func TestBadInputHasAClearAnswerAndHarmsNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("secret\n"), 0o600))
	fifo, folder, link := filepath.Join(dir, "fifo"), filepath.Join(dir, "folder"), filepath.Join(dir, "link")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	require.NoError(t, os.Mkdir(folder, 0o700))
	require.NoError(t, os.Symlink(outside, link))
	bystanders := newLog(t, "bystander")
	s := serve(t, logs.Config{
		Sources: map[string]logs.Source{
			"bystander": logs.File(bystanders.path), "app": logs.File(newLog(t, strings.Repeat("a", 60_000), "ab").path),
			"fifo": logs.File(fifo), "folder": logs.File(folder), "device": logs.File("/dev/zero"), "link": logs.File(link),
			"failing": failingSource{}, "panicking": panicSource{},
			"unstartable": logs.Command(func(ctx context.Context) *exec.Cmd { return exec.CommandContext(ctx, "/nowhere/program") }),
			"none":        logs.Command(func(context.Context) *exec.Cmd { return nil }),
		},
		WriteTimeout: time.Second, Ring: -1,
	})
	bystander := s.dialName("bystander", "")
	require.Equal(t, []string{"bystander"}, bystander.lines(1))
	foreign := s.dial("tail=1").cursorAfter(1)

	answer := func(status int, kind, path string) func(*testing.T) {
		return func(t *testing.T) {
			got, problem := s.status("GET", path)
			require.Equal(t, status, got)
			require.Equal(t, "urn:pruvon:problem:"+kind, problem)
		}
	}
	ends := func(name, why string) func(*testing.T) {
		return func(t *testing.T) {
			c := s.dialName(name, "")
			end, before := c.until("end")
			require.Equal(t, why, end.Why)
			for _, m := range before {
				require.NotContains(t, m.Detail, "/secret/path")
			}
			require.Error(t, c.end())
			require.EqualValues(t, 1011, c.closed())
		}
	}
	for name, check := range map[string]func(*testing.T){
		"FIFO":                   answer(503, "source-unavailable", "/logs/fifo"),
		"directory":              answer(503, "source-unavailable", "/logs/folder"),
		"device":                 answer(503, "source-unavailable", "/logs/device"),
		"symlink out of the dir": answer(503, "source-unavailable", "/logs/link"),
		"dots in the name":       answer(404, "not-found", "/logs/..%2fbystander"),
		"dots as the name":       answer(404, "not-found", "/logs/%2e%2e"),
		"failing source":         ends("failing", "fault"),
		"panicking source":       ends("panicking", "fault"),
		"command not there":      ends("unstartable", "fault"),
		"command that is nil":    ends("none", "fault"),
		"foreign cursor":         answer(400, "bad-cursor", "/logs/bystander?cursor="+foreign),
		"foreign to":             answer(400, "bad-cursor", "/logs/bystander?to="+foreign),
		"forged cursor":          answer(400, "bad-cursor", "/logs/app?cursor="+forge(foreign)),
		"cursor of zeros":        answer(400, "bad-cursor", "/logs/app?cursor="+strings.Repeat("A", 200)),
		"negative tail":          answer(400, "bad-request", "/logs/app?tail=-1"),
		"tail of 10^12":          answer(400, "bad-request", "/logs/app?tail=1000000000000"),
		"grep too long":          answer(400, "bad-request", "/logs/app?grep="+strings.Repeat("a", 1025)),
		"grep too large":         answer(400, "bad-request", "/logs/app?grep="+escape("((a{100}){100}){100}")),
		"grep that explodes": func(t *testing.T) {
			require.Equal(t, "ab\n", s.text("follow=0&tail=all&grep="+escape(`^(a|a)*b$`)))
			require.Equal(t, "ab\n", s.text("follow=0&tail=all&not="+escape(`^(a+)+$`)))
		},
		"viewer that never reads": func(t *testing.T) {
			conn, err := net.Dial("tcp", s.http.Listener.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = fmt.Fprintf(conn, "GET /logs/bystander?tail=all HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", s.http.Listener.Addr())
			require.NoError(t, err)
			for range 8 {
				bystanders.raw(strings.Repeat(strings.Repeat("x", 1000)+"\n", 200))
				require.Equal(t, 200, bystander.count(200))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			check(t)
			bystanders.add("after " + name)
			require.Equal(t, []string{"after " + name}, bystander.lines(1))
		})
	}
}

// forge changes a byte in the middle of a cursor.
func forge(cursor string) string {
	i := len(cursor) / 2
	c := byte('A')
	if cursor[i] == c {
		c = 'B'
	}
	return cursor[:i] + string(c) + cursor[i+1:]
}
