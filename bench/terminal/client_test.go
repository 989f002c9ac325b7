package terminal

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a terminal that shows pieces, then what a key is answered with.
type script struct {
	pieces []string
	answer []string
	typed  string
	drawn  int
	buf    []byte
	closed chan struct{} // nil if nobody waits for more
}

func (s *script) Next() ([]byte, error) {
	if len(s.pieces) == 0 {
		if s.closed != nil {
			<-s.closed
		}
		return nil, io.EOF
	}
	s.buf = append(s.buf[:0], s.pieces[0]...) // one buffer for all, as of a connection
	s.pieces = s.pieces[1:]
	return s.buf, nil
}

func (s *script) Type(b []byte) error {
	s.typed += string(b)
	s.pieces = append(s.pieces, s.answer...)
	return nil
}

func (s *script) Drawn(n int) error {
	s.drawn += n
	return nil
}

func (s *script) Close() error {
	close(s.closed)
	return nil
}

const fast = 1 << 40

func TestThePromptIsFoundWhereverItIsCut(t *testing.T) {
	for i := range len("PROMPT") {
		s := &script{
			pieces: []string{"yyyy", "yyyy"},
			answer: []string{"yy" + "PROMPT"[:i], "PROMPT"[i:] + "\r\n"},
		}
		_, queued, err := drawUntilPrompt(s, fast, 5)
		require.NoError(t, err)
		require.Equal(t, "\x03", s.typed, "once")
		require.Equal(t, s.drawn-8, queued, "counted from where Ctrl-C was sent")
	}
}

func TestALongPieceIsDrawnInParts(t *testing.T) {
	s := &script{pieces: []string{strings.Repeat("y", 100<<10)}, answer: []string{"PROMPT"}}
	_, queued, err := drawUntilPrompt(s, fast, 10<<10)
	require.NoError(t, err)
	require.Equal(t, 88<<10+len("PROMPT"), queued, "Ctrl-C goes out after the part that reaches 10 KiB")
}

func TestABrowserTakesWhatNobodyHasAskedFor(t *testing.T) {
	s := &script{closed: make(chan struct{})}
	var want bytes.Buffer
	for i := range 1000 {
		p := strings.Repeat(string(rune('a'+i%26)), i)
		s.pieces = append(s.pieces, p)
		want.WriteString(p)
	}
	b := newBrowser(s)
	var got bytes.Buffer
	for got.Len() < want.Len() {
		p, err := b.Next()
		require.NoError(t, err)
		got.Write(p)
	}
	require.Equal(t, want.String(), got.String())
	require.NoError(t, b.Close())
	_, err := b.Next()
	require.True(t, errors.Is(err, io.EOF))
}

func TestTextLooksLikeATestRun(t *testing.T) {
	b := text(10_000)
	require.GreaterOrEqual(t, len(b), 10_000)
	require.True(t, bytes.HasSuffix(b, []byte("\n")))
	lines := bytes.Count(b, []byte("\n"))
	require.InDelta(t, 87, len(b)/lines, 10)
	require.Equal(t, b, text(10_000), "every run shows the same")
}
