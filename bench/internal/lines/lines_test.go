package lines_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/bench/internal/lines"
)

func TestALineHasItsSizeAndOneMark(t *testing.T) {
	for _, n := range []uint64{0, 1, 999_999_999_999} {
		b := lines.Append(nil, n, time.Unix(1_800_000_000, 5))
		require.Len(t, b, lines.Size)
		require.Equal(t, 1, bytes.Count(b, []byte{lines.Mark}))
		require.Equal(t, len(b)-1, bytes.IndexByte(b, '\n'))
		got, ok := lines.Number(b)
		require.True(t, ok)
		require.Equal(t, n, got)
	}
	for _, bad := range []string{"", "@", "x", "@00000000000x0000000000000000000", string(lines.Append(nil, 7, time.Now()))[:20]} {
		_, ok := lines.Number([]byte(bad))
		require.False(t, ok, "%q", bad)
	}
}

// frames stands for what protocols put around the lines, and the reader for a
// network that cuts where it likes.
func TestEveryLineIsSeenHoweverItIsCut(t *testing.T) {
	var sent bytes.Buffer
	written := time.Now()
	for _, n := range []uint64{3, 4, 4, 7, 5} {
		sent.WriteString("\x81\x7e\x00\xff{\"m\":\"")
		sent.Write(lines.Append(nil, n, written))
		sent.WriteString("\"},")
	}
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(sent.Bytes()), "halves": iotest.HalfReader(bytes.NewReader(sent.Bytes())),
		"bytes": iotest.OneByteReader(bytes.NewReader(sent.Bytes())),
	} {
		var tally lines.Tally
		tally.Watch(r)
		require.EqualValues(t, 5, tally.Count(), name)
		require.Equal(t, 1, tally.Present())
		judges := tally.Judges()
		require.Len(t, judges, 1)
		j := judges[0]
		require.EqualValues(t, 8, j.End())
		require.Equal(t, 1, j.Missing(3, j.End()), "6 did not come")
		require.Equal(t, 1, j.Doubled(3, j.End()), "4 came twice")
		require.Equal(t, 2, j.Times(4))
		require.Zero(t, j.Times(1000))
		ages := lines.Ages(judges, 5)
		require.Len(t, ages, 2, "7 and 5")
		for _, age := range ages {
			require.GreaterOrEqual(t, age, time.Duration(0))
			require.LessOrEqual(t, age, time.Since(written))
		}
	}
}

func TestCountsWithoutLooking(t *testing.T) {
	var tally lines.Tally
	var sent bytes.Buffer
	require.NoError(t, new(lines.Writer).Fill(&sent, 10_000))
	tally.Read(iotest.HalfReader(&sent))
	tally.Read(bytes.NewReader(nil))
	require.EqualValues(t, 10_000, tally.Count())
	require.Equal(t, 1, tally.Present(), "the second has got nothing")
	require.Empty(t, tally.Judges())
	tally.Reset()
	require.Zero(t, tally.Count())
}

func TestWriterKeepsItsRateAndNumbers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	f, err := os.Create(name)
	require.NoError(t, err)
	calls := 0
	w := lines.Writer{Rate: 10_000, Next: 42}
	same, err := w.Run(f, 50*time.Millisecond, func(f *os.File) (*os.File, error) { calls++; return f, nil })
	require.NoError(t, err)
	require.Same(t, f, same)
	require.NoError(t, f.Close())
	require.Positive(t, calls)
	require.LessOrEqual(t, w.Next, uint64(42+500), "no more than its rate")

	b, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Len(t, b, int(w.Next-42)*lines.Size)
	next := uint64(42)
	for line := range bytes.Lines(b) {
		n, ok := lines.Number(line)
		require.True(t, ok)
		require.Equal(t, next, n)
		next++
	}
	require.Equal(t, w.Next, next)
}
