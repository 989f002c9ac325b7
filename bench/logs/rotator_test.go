package logs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/bench/internal/lines"
)

// Whatever is rotated away stands in a sibling, and nothing is written twice.
func TestNothingIsLostByRename(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f, err := create(path)
	require.NoError(t, err)
	w := lines.Writer{Rate: 20_000}
	r := rotator{rotate: renamed, gap: 5 * time.Millisecond, left: 3}
	r.begin(path)
	for r.left > 0 || !r.open.IsZero() {
		r.next = time.Now() // at once
		f, err = w.Run(f, 20*time.Millisecond, r.step)
		require.NoError(t, err)
	}
	require.NoError(t, r.end())
	require.NoError(t, f.Close())
	there, err := numbers(path, 0)
	require.NoError(t, err)
	require.Len(t, there, int(w.Next))
	for i := 1; i <= 3; i++ {
		require.FileExists(t, sibling(path, i))
	}
	require.NoFileExists(t, sibling(path, 4))
}

func TestCopyTruncateKeepsTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.log")
	f, err := create(path)
	require.NoError(t, err)
	defer f.Close()
	var w lines.Writer
	require.NoError(t, w.Write(f, 10))
	before, err := f.Stat()
	require.NoError(t, err)
	require.NoError(t, copied(path))
	require.NoError(t, w.Write(f, 5))
	after, err := os.Stat(path)
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after))
	require.EqualValues(t, 5*lines.Size, after.Size())
	there, err := numbers(path, 8)
	require.NoError(t, err)
	require.Equal(t, map[uint64]bool{8: true, 9: true, 10: true, 11: true, 12: true, 13: true, 14: true}, there)
}
