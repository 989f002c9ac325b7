package terminal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/gate"
)

func entry(i int) openSession {
	return openSession{ID: fmt.Sprint("s", i), Name: "t", User: "ann", Started: time.Unix(int64(i), 0).UTC()}
}

// crash gives up the lock as a dead process does.
func crash(j *journal) { _ = j.file.Close() }

func TestJournalRemembersWhatIsOpen(t *testing.T) {
	dir := t.TempDir()
	j, left, err := openJournal(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	for i := range 4 {
		require.NoError(t, j.start(entry(i)))
	}
	hook := j.confirm(nil)
	hook(context.Background(), gate.Event{Kind: "end", ID: "s2"})
	hook(context.Background(), gate.Event{Kind: "detach", ID: "s1"})
	hook(context.Background(), gate.Event{Kind: "end", ID: "unknown"})

	other, left, err := openJournal(dir)
	require.NoError(t, err)
	require.Empty(t, left, "a living handler's journal is its own")
	require.NoError(t, other.close())

	crash(j)
	j, left, err = openJournal(dir)
	require.NoError(t, err)
	require.Equal(t, []openSession{entry(0), entry(1), entry(3)}, left)
	require.Equal(t, "fault", left[0].end().Outcome)

	crash(j) // before anything was told: the next one tells it
	j, left, err = openJournal(dir)
	require.NoError(t, err)
	require.Len(t, left, 3)
	for _, l := range left {
		j.confirm(nil)(context.Background(), l.end())
	}
	require.NoError(t, j.close())
	j, left, err = openJournal(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, j.close())
	require.NoError(t, j.close())
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestJournalStaysSmall(t *testing.T) {
	j, _, err := openJournal(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, j.start(entry(-1)))
	for i := range 10_000 {
		require.NoError(t, j.start(entry(i)))
		require.NoError(t, j.ended(entry(i).ID))
	}
	fi, err := j.file.Stat()
	require.NoError(t, err)
	require.Less(t, fi.Size(), int64(200<<10))
	dir := j.dir
	crash(j)
	j, left, err := openJournal(dir)
	require.NoError(t, err)
	require.Equal(t, []openSession{entry(-1)}, left)
	require.NoError(t, j.close())
	j, left, err = openJournal(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "a shutdown with something to tell leaves it for the next start")
	crash(j)
}

// A crash, or a disk that is full, can leave any prefix of a journal.
func TestJournalCutAnywhere(t *testing.T) {
	dir := t.TempDir()
	j, _, err := openJournal(dir)
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, j.start(entry(i)))
	}
	require.NoError(t, j.ended("s1"))
	whole, err := os.ReadFile(j.file.Name())
	require.NoError(t, err)
	crash(j)
	for n := range len(whole) {
		name := filepath.Join(t.TempDir(), journalPrefix+"x")
		require.NoError(t, os.WriteFile(name, whole[:n], 0o600))
		j, left, err := openJournal(filepath.Dir(name))
		require.NoError(t, err)
		require.LessOrEqual(t, len(left), 3)
		for i, l := range left {
			if i < 1 {
				require.Equal(t, entry(0), l)
			}
		}
		crash(j)
	}
}

// A write that a full disk cut short does not swallow the next line.
func TestJournalAfterATornWrite(t *testing.T) {
	j, _, err := openJournal(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, j.start(entry(0)))
	_, err = j.file.WriteString(`{"id":"to`)
	require.NoError(t, err)
	good := j.file
	j.file, err = os.Open(good.Name()) // cannot be written
	require.NoError(t, err)
	require.Error(t, j.start(entry(1)))
	require.NoError(t, j.start(entry(2)))
	require.NoError(t, good.Close())
	dir := j.dir
	crash(j)
	j, left, err := openJournal(dir)
	require.NoError(t, err)
	require.ElementsMatch(t, []openSession{entry(0), entry(1), entry(2)}, left)
	crash(j)
}

func TestWithoutAStateDirNothingIsRemembered(t *testing.T) {
	j, left, err := openJournal("")
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, j.start(entry(1)))
	require.Nil(t, j.confirm(nil))
	require.NoError(t, j.close())
}

// An end counts as told once the host has been told of it, not before: a crash
// in between tells it again rather than never.
func TestJournalForgetsAfterTheHostHasBeenTold(t *testing.T) {
	j, _, err := openJournal(t.TempDir())
	require.NoError(t, err)
	require.NoError(t, j.start(entry(1)))
	told := false
	j.confirm(func(context.Context, gate.Event) {
		told = true
		require.Contains(t, j.open, "s1")
	})(context.Background(), gate.Event{Kind: "end", ID: "s1"})
	require.True(t, told)
	require.Empty(t, j.open)
	require.NoError(t, j.close())
}

// A link that somebody has planted leads nowhere.
func TestJournalFollowsNoLink(t *testing.T) {
	dir, elsewhere := t.TempDir(), filepath.Join(t.TempDir(), "file")
	content := []byte(`{"id":"planted","name":"t","user":"ann"}` + "\n")
	require.NoError(t, os.WriteFile(elsewhere, content, 0o600))
	require.NoError(t, os.Symlink(elsewhere, filepath.Join(dir, journalPrefix+"planted")))
	j, left, err := openJournal(dir)
	require.NoError(t, err)
	require.Empty(t, left)
	require.NoError(t, j.close())
	kept, err := os.ReadFile(elsewhere)
	require.NoError(t, err)
	require.Equal(t, content, kept)
}
