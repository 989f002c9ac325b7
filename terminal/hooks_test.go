package terminal_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

func TestAPanickingLookupIsAnswered(t *testing.T) {
	s := serve(t, shell("true"), func(c *terminal.Config) {
		c.Lookup = func(context.Context, string) (terminal.Terminal, error) { panic("host bug") }
	})
	_, resp, err := s.dial(s.url()+"x", []string{terminal.Subprotocol})
	require.Error(t, err)
	require.NotNil(t, resp, "the connection was dropped: %v", err)
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode)
	require.NotEmpty(t, resp.Header.Get("Retry-After"))
	s.open("") // the one that is configured is served
}

// A recording is written in a goroutine of the recorder's own.
func TestAPanickingRecording(t *testing.T) {
	for _, method := range []string{"Write", "Close"} {
		t.Run(method, func(t *testing.T) {
			term := shell("echo ran; read x; exit 6")
			term.Record = func(terminal.Info) (io.WriteCloser, error) { return panickingWriter(method), nil }
			s := serve(t, term)
			c := s.open("")
			c.shows("ran")
			c.typed("\n")
			c.ended()
			require.EqualValues(t, 6, c.exit.CodeRaw, "the session does not depend on it")
		})
	}
	term := shell("echo ran; exec cat")
	term.Record = func(terminal.Info) (io.WriteCloser, error) { return panickingWriter("Write"), nil }
	term.RecordPolicy = terminal.RecordStrict
	c := serve(t, term).open("")
	require.Equal(t, websocket.StatusInternalError, c.ended().Code, "a session that must be recorded ends")
	require.Equal(t, "fault", c.exit.Reason)
}

// panickingWriter panics in the method of this name.
type panickingWriter string

func (p panickingWriter) Write(b []byte) (int, error) {
	if p == "Write" {
		panic("host bug")
	}
	return len(b), nil
}

func (p panickingWriter) Close() error {
	if p == "Close" {
		panic("host bug")
	}
	return nil
}

func TestARecordWithoutAWriter(t *testing.T) {
	term := shell("echo ran")
	term.Record = func(terminal.Info) (io.WriteCloser, error) { return nil, nil }
	c := serve(t, term).open("")
	c.shows("ran")
}
