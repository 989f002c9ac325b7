package logs_test

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// opener opens a log in one of the forms that it is served in, and returns when
// the head of the answer is there. Find reads until a text has come, and returns
// all that was read.
type opener func(s *server, query string) (find func(text string) string)

func openers() map[string]opener {
	overHTTP := func(accept string) opener {
		return func(s *server, query string) func(string) string {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			resp := s.get(ctx, "/logs/app?"+query, accept)
			s.t.Cleanup(func() {
				cancel()
				_ = resp.Body.Close()
			})
			require.Equal(s.t, http.StatusOK, resp.StatusCode)
			in := bufio.NewReaderSize(resp.Body, 1<<20)
			return func(text string) string {
				var all strings.Builder
				for line := ""; !strings.Contains(line, text); all.WriteString(line) {
					var err error
					line, err = in.ReadString('\n')
					require.NoError(s.t, err)
				}
				return all.String()
			}
		}
	}
	overWS := func(protocols ...string) opener {
		return func(s *server, query string) func(string) string {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			conn, _, err := websocket.Dial(ctx, "ws"+strings.TrimPrefix(s.http.URL, "http")+"/logs/app?"+query,
				&websocket.DialOptions{Subprotocols: protocols, HTTPHeader: http.Header{"Origin": {s.http.URL}}})
			require.NoError(s.t, err)
			conn.SetReadLimit(1 << 20)
			s.t.Cleanup(func() {
				cancel()
				_ = conn.CloseNow()
			})
			return func(text string) string {
				var all strings.Builder
				for b := []byte(nil); !strings.Contains(string(b), text); all.Write(b) {
					_, b, err = conn.Read(ctx)
					require.NoError(s.t, err)
				}
				return all.String()
			}
		}
	}
	return map[string]opener{
		"WebSocket": overWS(logs.Subprotocol), "bare WebSocket": overWS(),
		"SSE": overHTTP("text/event-stream"), "NDJSON": overHTTP("application/x-ndjson"), "text": overHTTP("text/plain"),
	}
}

// lateFile takes its time to find where it ends, unless the test goes on first.
type lateFile struct {
	logs.Ranger
	appended chan struct{}
}

func (f lateFile) Tail(ctx context.Context, n int, before logs.Position, out logs.Sink) (logs.Position, error) {
	select {
	case <-f.appended:
	case <-time.After(300 * time.Millisecond):
	}
	return f.Ranger.Tail(ctx, n, before, out)
}

// Who has seen the head of the answer has a place in the log: a line that is
// written from then on is delivered, also with tail=0.
func TestWhatIsWrittenAfterTheHeadIsDelivered(t *testing.T) {
	t.Parallel()
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t, "before")
			src := lateFile{logs.File(l.path).(logs.Ranger), make(chan struct{})}
			s := serveSource(t, src)
			find := open(s, "tail=0")
			l.add("after the head")
			close(src.appended)
			find("after the head")
		})
	}
}

// Between the rotator's rename and the writer's reopening, lines go on into the
// renamed file: also those of whoever comes in just then are delivered.
func TestLinesOfTheRenamedFileAfterTheHead(t *testing.T) {
	t.Parallel()
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t, "before")
			l.rename(".1")
			require.NoError(t, os.WriteFile(l.path, nil, 0o600))
			find := open(serveFile(t, l.path), "tail=0")
			l.add("late, in the renamed file")
			require.NotContains(t, find("late, in the renamed file"), "before")
		})
	}
}

// lives is a source whose lives end when the test lets them.
type lives struct {
	t            *testing.T
	ending, gone chan struct{}
	running      *atomic.Int32
}

func (l lives) Follow(ctx context.Context, _ logs.Position, out logs.Sink) error {
	if l.running.Add(1) > 1 {
		l.t.Error("followed twice at once")
	}
	defer l.running.Add(-1)
	if err := out.Line([]byte("alive"), time.Now(), logs.Stdout, nil); err != nil {
		return err
	}
	<-ctx.Done()
	l.ending <- struct{}{}
	<-l.gone
	return nil
}

// A source is never followed twice at once, but nobody waits for the head of an
// answer until the life before has ended; what the new one says is not missed.
func TestHeadDoesNotWaitForALifeThatEnds(t *testing.T) {
	t.Parallel()
	for name, open := range openers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			src := lives{t, make(chan struct{}, 2), make(chan struct{}), new(atomic.Int32)}
			s := serveSource(t, src)
			first := s.dial("")
			require.Equal(t, []string{"alive"}, first.lines(1))
			first.cancel()
			<-src.ending
			find := open(s, "tail=0")
			close(src.gone)
			find("alive")
		})
	}
}
