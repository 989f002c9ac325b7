package imports_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"mime/multipart"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRawUploadIsImported(t *testing.T) {
	for _, method := range []string{"POST", "PUT"} {
		t.Run(method, func(t *testing.T) {
			s := start(t)
			text := strings.Repeat("line\n", 20_000)
			a := s.do(method, "/db", strings.NewReader(text), "Content-Disposition", `attachment; filename="dump.sql"`)
			require.Equal(t, 202, a.StatusCode)
			require.NotEmpty(t, a.Header.Get("Retry-After"))
			id := parseSnapshot(t, a.body).ID
			v := s.ended(id)
			require.Equal(t, "succeeded", v.Outcome)
			require.EqualValues(t, 100_000, *v.Source.Size)
			require.Equal(t, "dump.sql", v.Source.Name)
			require.Equal(t, 100.0, *v.Progress.Percent)
			require.EqualValues(t, 100_000, v.Progress.Stored)
			sum := sha256.Sum256([]byte(text))
			require.Equal(t, hex.EncodeToString(sum[:]), v.Source.SHA256)
			require.Equal(t, 0, *v.Exit.Code)
			log := s.do("GET", "/db/"+id+"/log", nil)
			require.Equal(t, "100000\n", string(log.body))
			s.onlyRecords(id)
		})
	}
}

// onlyRecords checks that nothing but finished imports' records are on disk.
func (s *server) onlyRecords(ids ...string) {
	s.t.Helper()
	eventually(s.t, func() bool {
		found, err := filepath.Glob(filepath.Join(s.dir, "jobs", "*", "data"))
		require.NoError(s.t, err)
		entries, err := os.ReadDir(filepath.Join(s.dir, "jobs"))
		require.NoError(s.t, err)
		return len(found) == 0 && len(entries) == len(ids)
	})
	for _, id := range ids {
		require.DirExists(s.t, filepath.Join(s.dir, "jobs", id))
	}
	tmp, err := filepath.Glob(filepath.Join(s.dir, "jobs", "*", "*.tmp"))
	require.NoError(s.t, err)
	require.Empty(s.t, tmp)
}

func TestMultipartUploadIsImported(t *testing.T) {
	s := start(t)
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	require.NoError(t, w.WriteField("comment", "hello"))
	f, err := w.CreateFormFile("file", "dump.sql")
	require.NoError(t, err)
	_, err = f.Write(bytes.Repeat([]byte("x"), 300_000))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	id := s.upload(&b, "Content-Type", w.FormDataContentType())
	v := s.ended(id)
	require.Equal(t, "succeeded", v.Outcome)
	require.EqualValues(t, 300_000, *v.Source.Size)
	require.Equal(t, "dump.sql", v.Source.Name)
}

func TestEventsTellTheWholeStory(t *testing.T) {
	s := start(t)
	id := s.upload(strings.NewReader("hello\n"))
	s.ended(id)
	events := s.events(id, "")
	require.Equal(t, "snapshot", events[0].Type)
	var states, stages []string
	for _, e := range ofType(events, "state") {
		states = append(states, e.State)
	}
	for _, e := range ofType(events, "stage") {
		stages = append(stages, e.Stage)
	}
	require.Equal(t, []string{"receiving", "ready", "queued", "running", "done"}, states)
	require.Contains(t, stages, "finalizing")
	end := events[len(events)-1]
	require.Equal(t, "end", end.Type)
	require.Equal(t, "succeeded", end.Outcome)
	require.EqualValues(t, 6, end.BytesIn)
	for i, e := range events[1:] {
		require.EqualValues(t, i+1, e.Seq, "numbered without a hole")
	}
	again := s.events(id, "?after=3")
	require.EqualValues(t, 4, again[1].Seq)
}
