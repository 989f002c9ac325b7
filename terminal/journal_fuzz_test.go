package terminal

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/seal"
)

// sampleJournal is a journal with three starts and one end.
func sampleJournal(t testing.TB) []byte {
	t.Helper()
	j, _, err := openJournal(t.TempDir())
	require.NoError(t, err)
	for i := range 3 {
		require.NoError(t, j.start(entry(i)))
	}
	require.NoError(t, j.ended("s1"))
	b, err := os.ReadFile(j.file.Name())
	require.NoError(t, err)
	require.NoError(t, j.file.Close())
	return b
}

// checkReplay reads a journal, damaged or not. Each session is told once, by
// an id, and what was read is read again as the same.
func checkReplay(t *testing.T, b []byte) []openSession {
	t.Helper()
	left := readJournal(bytes.NewReader(b))
	ids := map[string]bool{}
	var again bytes.Buffer
	for _, s := range left {
		require.NotEmpty(t, s.ID)
		require.False(t, ids[s.ID], "%q is told twice", s.ID)
		require.False(t, s.Ended)
		ids[s.ID] = true
		object, err := json.Marshal(s)
		require.NoError(t, err)
		again.Write(seal.Line(object))
		_ = s.end()
	}
	require.LessOrEqual(t, len(left), bytes.Count(b, []byte("\n")))
	reread := readJournal(&again)
	require.Len(t, reread, len(left))
	for i := range left {
		require.Equal(t, left[i].ID, reread[i].ID)
		require.True(t, left[i].Started.Equal(reread[i].Started))
	}
	return left
}

// A disk that lies costs the line that it lies about, never the others.
func TestJournalWithAnyBitFlipped(t *testing.T) {
	whole := sampleJournal(t)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	require.Equal(t, []openSession{entry(0), entry(2)}, checkReplay(t, whole))
	at := 0
	for n, line := range lines {
		for i := range line {
			for bit := range 8 {
				b := bytes.Clone(whole)
				b[at+i] ^= 1 << bit
				left := checkReplay(t, b)
				joins := i == len(line)-1 // the newline is lost, and the next line with it
				for k, s := range map[int]openSession{0: entry(0), 2: entry(2)} {
					if k != n && !(joins && k == n+1) && n < 3 {
						require.Contains(t, left, s, "line %d, byte %d, bit %d", n, i, bit)
					}
				}
			}
		}
		at += len(line)
	}
}

// FuzzJournal: whatever lies in the state directory, a server starts, tells
// each session once, and the next start tells what it has not.
func FuzzJournal(f *testing.F) {
	whole := sampleJournal(f)
	f.Add(whole, uint(3), byte(1))
	f.Add(whole[:len(whole)/2], uint(40), byte(0x80))
	f.Add([]byte("{\"id\":\"a\"}\n{\"id\":\"a\",\"ended\":true}\n{\"id\":\"\"}\nnull\n[]\n"), uint(0), byte(0))
	f.Add([]byte("{\"id\":\"a\",\"addr\":\"fe80::1%x\",\"started\":\"0000-01-01T00:00:00Z\"}\n"), uint(0), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at uint, flip byte) {
		var sealed bytes.Buffer // what only somebody who means it can write
		for line := range bytes.Lines(b) {
			if object, ok := bytes.CutSuffix(line, []byte("\n")); ok && bytes.HasSuffix(object, []byte("}")) {
				sealed.Write(seal.Line(object))
			}
		}
		checkReplay(t, sealed.Bytes())
		if len(b) > 0 {
			b = bytes.Clone(b)
			b[int(at%uint(len(b)))] ^= flip
		}
		want := checkReplay(t, b)
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, journalPrefix+"x"), b, 0o600))
		for range 2 {
			j, left, err := openJournal(dir)
			require.NoError(t, err)
			require.Len(t, left, len(want))
			crash(j)
		}
	})
}
