package terminal_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// reel is where a test records to.
type reel struct {
	mu   sync.Mutex
	b    bytes.Buffer
	free int
	done chan struct{}
	info terminal.Info
}

func newReel(free int) *reel { return &reel{free: free, done: make(chan struct{})} }

func (r *reel) open(i terminal.Info) (io.WriteCloser, error) {
	r.info = i
	return r, nil
}

func (r *reel) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(p), r.free)
	r.free -= n
	r.b.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (r *reel) Close() error { close(r.done); return nil }

// recorded waits for the end of the recording.
func (r *reel) recorded() []byte {
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.b.Bytes()
}

func recording(t terminal.Terminal, r *reel, p terminal.RecordPolicy) terminal.Terminal {
	t.Record, t.RecordPolicy = r.open, p
	return t
}

func TestRecordingIsWhatWasShown(t *testing.T) {
	r := newReel(1 << 30)
	s := serve(t, recording(shell(`head -c 300000 /dev/urandom; stty size; exit 5`), r, terminal.RecordStrict))
	c := s.open(`{"type":"hello","cols":90,"rows":30}`)
	c.until("notice", func() bool { return c.has("notice") != nil })
	require.Equal(t, "recording", c.has("notice").CodeRaw)
	c.ended()
	header, events, output, _ := terminal.ReplayCast(t, r.recorded())
	require.True(t, bytes.Equal(c.out.Bytes(), output), "%d bytes shown, %d recorded", c.out.Len(), len(output))
	require.Equal(t, []string{"exit: exit code 5"}, terminal.CastCodes(events, "m"))
	require.EqualValues(t, 90, header["width"])
	require.Equal(t, "ann", r.info.User)
	require.Equal(t, c.ready.Session, r.info.ID)
}

// A password is typed at a prompt that does not echo, and is not recorded;
// what is typed to the shell, and to a program in raw mode, is.
func TestRecordingHidesPasswords(t *testing.T) {
	r := newReel(1 << 30)
	s := serve(t, recording(shell(`read a; stty -echo; echo "Password:"; read p; stty echo; echo "ok"
		read b; stty raw -echo; echo "keys:"; head -c 3; stty sane; echo "end"`), r, terminal.RecordStrict))
	c := s.open("")
	c.typed("first\n")
	c.shows("Password:")
	c.typed("hunter2\n")
	c.shows("ok")
	c.send(`{"type":"resize","cols":101,"rows":31}`)
	c.typed("second\n")
	c.shows("keys:")
	c.typed("xyz")
	c.ended()
	cast := r.recorded()
	_, events, _, input := terminal.ReplayCast(t, cast)
	require.Equal(t, "first\nsecond\nxyz", string(input))
	require.NotContains(t, string(cast), "hunter2")
	require.Equal(t, []string{"input hidden: the terminal does not echo", "exit: exit code 0"}, terminal.CastCodes(events, "m"))
	require.Equal(t, []string{"101x31"}, terminal.CastCodes(events, "r"))
}

func TestRecordingThatCannotBeOpened(t *testing.T) {
	broken := func(terminal.Info) (io.WriteCloser, error) { return nil, errors.New("no disk") }
	panics := func(terminal.Info) (io.WriteCloser, error) { panic("no disk") }
	for name, open := range map[string]func(terminal.Info) (io.WriteCloser, error){"error": broken, "panic": panics} {
		t.Run(name, func(t *testing.T) {
			term := shell(`echo ran`)
			term.Record, term.RecordPolicy = open, terminal.RecordStrict
			c := serve(t, term).connect()
			c.send(`{"type":"hello","cols":80,"rows":24}`)
			c.ended()
			require.Equal(t, "start_failed", c.exit.Reason)
			require.Equal(t, "the session cannot be recorded now", c.exit.Detail)
			require.True(t, c.exit.Retryable)
			require.Zero(t, c.out.Len())

			term.RecordPolicy = ""
			c = serve(t, term).open("")
			c.shows("ran")
		})
	}
}

func TestStrictRecordingEndsTheSessionWhenTheDiskIsFull(t *testing.T) {
	r := newReel(4000)
	s := serve(t, recording(shell(`yes`), r, terminal.RecordStrict))
	c := s.open("")
	ce := c.ended()
	require.Equal(t, "fault", c.exit.Reason)
	require.Equal(t, websocket.StatusInternalError, ce.Code)
	require.Len(t, r.recorded(), 4000)
	require.Less(t, c.out.Len(), 6<<20, "what is not recorded is not shown for long")
}

func TestBestEffortRecordingDoesNotEndTheSession(t *testing.T) {
	r := newReel(4000)
	s := serve(t, recording(shell(`seq 100000; read x; exit 6`), r, terminal.RecordBestEffort))
	c := s.open("")
	c.shows("100000\r\n")
	c.typed("\n")
	c.ended()
	require.EqualValues(t, 6, c.exit.CodeRaw)
	require.Len(t, r.recorded(), 4000)
}

func TestRecordingToAFile(t *testing.T) {
	dir := t.TempDir()
	term := shell(`echo hello`)
	term.Record = func(i terminal.Info) (io.WriteCloser, error) {
		return os.OpenFile(filepath.Join(dir, i.ID+".cast"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	}
	s := serve(t, term)
	c := s.open("")
	c.ended()
	eventually(t, "end event", func() bool { return len(s.events.of("end")) == 1 })
	cast, err := os.ReadFile(filepath.Join(dir, c.ready.Session+".cast"))
	require.NoError(t, err)
	_, _, output, _ := terminal.ReplayCast(t, cast)
	require.Equal(t, "hello\r\n", string(output))
	require.False(t, strings.Contains(string(cast), "\r"), "controls are escaped")
}
