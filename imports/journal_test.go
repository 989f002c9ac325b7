package imports

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/seal"
)

// sample is a journal as it is written: a record, events and output.
func sample(t testing.TB) (meta, events []byte, output func(int64, int) ([]byte, error)) {
	dir := t.TempDir()
	rec := record{
		Version: recordVersion, ID: strings.Repeat("0a", 16), Target: "db", Owner: "ann", Epoch: "e", Length: 10,
		phase: phase{State: StateRunning, Attempt: 1}, Created: time.Unix(1, 0).UTC(), Source: Source{Name: "d\u00fcmp.sql", Size: 10, Compression: CompressionGzip},
	}
	rec.enterStage(stageImporting, time.Unix(2, 0).UTC())
	rec.Warnings.add("careful")
	require.NoError(t, newDisk(nil).saveRecord(dir, rec))
	l := newEventLog(newDisk(nil), dir, 1<<20, "e", 0)
	now := time.Unix(3, 0).UTC()
	l.add(func(seq uint64) any {
		return stateMessage{Type: "state", Seq: seq, At: now, State: StateRunning, Attempt: 1}
	})
	l.addOutput(Stdout, []byte("hello\n"), false, now)
	l.addOutput(Stderr, []byte("w\u00f6rld\n"), false, now)
	l.add(func(seq uint64) any { return warningMessage{Type: "warning", Seq: seq, At: now, Text: "careful"} })
	l.add(func(seq uint64) any { return rec.end(seq) })
	require.NoError(t, l.settle())
	meta, err := os.ReadFile(filepath.Join(dir, fileMeta))
	require.NoError(t, err)
	events, err = os.ReadFile(filepath.Join(dir, fileEvents))
	require.NoError(t, err)
	return meta, events, l.out.read
}

// replay checks what is made of a journal, damaged or not, against the
// undamaged one: each event is either as it was or left out.
func replay(t testing.TB, meta, events, goodMeta, goodEvents []byte, output func(int64, int) ([]byte, error)) {
	rec, err := parseRecord(meta, strings.Repeat("0a", 16))
	if err == nil {
		require.Equal(t, string(goodMeta), string(meta), "a damaged record was taken for a good one")
		require.Equal(t, StateRunning, rec.State)
	} else {
		require.ErrorIs(t, err, seal.ErrDamaged)
	}
	good := parseEvents(bytes.NewReader(goodEvents), output)
	for _, e := range parseEvents(bytes.NewReader(events), output) {
		require.Contains(t, good, e)
	}
}

func TestEveryTruncationAndBitFlip(t *testing.T) {
	meta, events, output := sample(t)
	require.Len(t, parseEvents(bytes.NewReader(events), output), 5)
	for _, which := range [][]byte{meta, events} {
		for i := range which {
			for bit := -1; bit < 8; bit++ {
				if os.Getenv("PRUVON_FULL") == "" && bit >= 0 && bit != i%8 {
					continue // one of the eight at each byte
				}
				b := bytes.Clone(which)
				if bit < 0 {
					b = b[:i]
				} else {
					b[i] ^= 1 << bit
				}
				m, e := meta, events
				if &which[0] == &meta[0] {
					m = b
				} else {
					e = b
				}
				replay(t, m, e, meta, events, output)
			}
		}
	}
}

func FuzzJournalReplay(f *testing.F) {
	meta, events, output := sample(f)
	f.Add(meta, events)
	f.Add([]byte("{}"), []byte("{}\n\n{\"type\":\"output\",\"seq\":1,\"off\":-5,\"n\":9999999}\n"))
	f.Fuzz(func(t *testing.T, m, e []byte) {
		if rec, err := parseRecord(m, strings.Repeat("0a", 16)); err == nil {
			again, err := parseRecord(seal.Line(encode(rec)), rec.ID)
			require.NoError(t, err)
			require.Equal(t, rec.phase, again.phase)
		}
		var last uint64
		for _, x := range parseEvents(bytes.NewReader(e), output) {
			require.Greater(t, x.seq, last)
			last = x.seq
		}
	})
}

func TestRecordSurvivesARoundTrip(t *testing.T) {
	meta, _, _ := sample(t)
	rec, err := parseRecord(meta, strings.Repeat("0a", 16))
	require.NoError(t, err)
	require.EqualValues(t, 10, rec.Source.Size)
	require.Equal(t, "d\u00fcmp.sql", rec.Source.Name)
	require.Equal(t, 1, rec.Warnings.Count)
	rec.Source.Size = -1
	again, err := parseRecord(seal.Line(encode(rec)), rec.ID)
	require.NoError(t, err)
	require.Equal(t, rec, again)
}

// A full disk or a crash must not cost the record that was there before.
func TestReplacingAFileIsOneStep(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	require.NoError(t, newDisk(nil).writeFile(path, []byte("old")))
	var ops []string
	d := newDisk(func(op string) {
		ops = append(ops, op)
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		if op == "rename" || op == "syncdir" {
			require.Equal(t, "new", string(b))
		} else {
			require.Equal(t, "old", string(b))
		}
	})
	require.NoError(t, d.writeFile(path, []byte("new")))
	require.Equal(t, []string{"create", "write", "sync", "rename", "syncdir"}, ops)
}

// Somebody who can guess a name plants links; nothing is written through them.
func TestPlantedLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	require.NoError(t, os.WriteFile(victim, []byte("precious"), 0o600))
	for _, name := range []string{fileMeta + tmpSuffix, fileEvents, fileOutput} {
		require.NoError(t, os.Symlink(victim, filepath.Join(dir, name)))
	}
	require.Error(t, newDisk(nil).writeFile(filepath.Join(dir, fileMeta), []byte("x")))
	l := newEventLog(newDisk(nil), dir, 1<<20, "e", 0)
	l.addOutput(Stdout, []byte("x\n"), false, time.Now())
	l.add(func(seq uint64) any { return warningMessage{Type: "warning", Seq: seq} })
	require.Error(t, l.settle())
	b, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "precious", string(b))
}

func TestOutputKeepsHeadAndTail(t *testing.T) {
	dir := t.TempDir()
	l := newEventLog(newDisk(nil), dir, 64<<10, "e", 0)
	stop := l.watch()
	defer stop()
	const n = 10_000
	for i := range n {
		l.addOutput(Stdout, fmt.Appendf(nil, "line %06d\n", i), false, time.Now())
	}
	l.add(func(seq uint64) any { return endMessage{Type: "end", Seq: seq, Outcome: OutcomeSucceeded} })
	require.NoError(t, l.settle())
	check := func(l *eventLog) {
		printed, err := l.printed()
		require.NoError(t, err)
		var b bytes.Buffer
		_, err = b.ReadFrom(printed)
		require.NoError(t, err)
		printed.Close()
		require.Less(t, b.Len(), 80<<10)
		require.True(t, strings.HasPrefix(b.String(), "line 000000\nline 000001\n"))
		require.True(t, strings.HasSuffix(b.String(), fmt.Sprintf("line %06d\n", n-1)))
		require.Regexp(t, `\n\[\d+ bytes are left out here\]\n`, b.String())
		require.EqualValues(t, 12*n, l.outputSize())
		seq, gaps, bytesLost := uint64(0), 0, int64(0)
		for {
			batch := l.since(seq, 0)
			for _, line := range batch.lines {
				if typ, _ := messageHead(line); string(typ) == "gap" {
					gaps++
					var from, to uint64
					_, err := fmt.Sscanf(string(line), `{"type":"gap","from":%d,"to":%d,"bytes":%d}`, &from, &to, &bytesLost)
					require.NoError(t, err)
					require.Equal(t, bytesLost, 12*int64(to-from+1), "the gap is told exactly")
				}
			}
			seq = batch.seq
			if batch.end {
				break
			}
		}
		require.Equal(t, 1, gaps)
		require.EqualValues(t, n+1, seq)
	}
	check(l)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var size int64
	for _, e := range entries {
		info, err := e.Info()
		require.NoError(t, err)
		size += info.Size()
	}
	require.Less(t, size, int64(2<<20), "references to dropped output go, too")

	again := newEventLog(newDisk(nil), dir, 64<<10, "e", 0)
	again.ended = true
	defer again.watch()()
	check(again)
}

func TestDamagedRecordIsAnAdminsMatter(t *testing.T) {
	dir := t.TempDir()
	_, err := readRecord(dir, "x")
	require.True(t, errors.Is(err, fs.ErrNotExist))
	require.NoError(t, os.WriteFile(filepath.Join(dir, fileMeta), []byte("{}"), 0o600))
	_, err = readRecord(dir, "x")
	require.ErrorIs(t, err, seal.ErrDamaged)
	rec := damagedRecord(dir, "x")
	require.False(t, namePattern.MatchString(rec.Target))
	require.Equal(t, OutcomeInterrupted, rec.Outcome)
}
