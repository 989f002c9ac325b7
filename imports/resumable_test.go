package imports_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// begin creates a resumable upload.
func (s *server) begin(length int, headers ...string) string {
	s.t.Helper()
	headers = append(headers, "Upload-Complete", "?0")
	if length >= 0 {
		headers = append(headers, "Upload-Length", strconv.Itoa(length))
	}
	a := s.do("POST", "/db", nil, headers...)
	require.Equal(s.t, 201, a.StatusCode, string(a.body))
	id := parseSnapshot(s.t, a.body).ID
	require.Equal(s.t, "db/"+id, a.Header.Get("Location"))
	return id
}

func (s *server) patch(id string, offset int, last bool, body string) answer {
	s.t.Helper()
	complete := "?0"
	if last {
		complete = "?1"
	}
	return s.do("PATCH", "/db/"+id+"/content", strings.NewReader(body), "Upload-Offset", strconv.Itoa(offset),
		"Upload-Complete", complete, "Content-Type", "application/partial-upload")
}

func (s *server) offset(id string) int {
	s.t.Helper()
	a := s.do("HEAD", "/db/"+id+"/content", nil)
	require.Equal(s.t, 204, a.StatusCode)
	n, err := strconv.Atoi(a.Header.Get("Upload-Offset"))
	require.NoError(s.t, err)
	return n
}

func TestUploadInParts(t *testing.T) {
	s := start(t)
	id := s.begin(10, "Content-Disposition", "attachment; filename*=UTF-8''d%C3%BCmp.sql")
	require.Equal(t, 0, s.offset(id))
	a := s.patch(id, 0, false, "hello")
	require.Equal(t, 204, a.StatusCode)
	require.Equal(t, "5", a.Header.Get("Upload-Offset"))
	require.Equal(t, "?0", a.Header.Get("Upload-Complete"))
	require.Equal(t, 5, s.offset(id))
	v := s.snapshot(id)
	require.Equal(t, "receiving", v.State)
	require.EqualValues(t, 5, v.Progress.Stored)
	a = s.patch(id, 5, true, "world")
	require.Equal(t, 202, a.StatusCode, string(a.body))
	require.Equal(t, "?1", a.Header.Get("Upload-Complete"))
	require.Equal(t, "../"+id, a.Header.Get("Location"))
	v = s.ended(id)
	require.Equal(t, "succeeded", v.Outcome)
	require.EqualValues(t, 10, *v.Source.Size)
	require.Equal(t, "dümp.sql", v.Source.Name)
	a = s.do("HEAD", "/db/"+id+"/content", nil)
	require.Equal(t, "?1", a.Header.Get("Upload-Complete"))
}

func TestWrongOffsetSaysTheRightOne(t *testing.T) {
	s := start(t)
	id := s.begin(10)
	s.patch(id, 0, false, "hello")
	for _, offset := range []int{0, 4, 6, 10, 1 << 40} {
		a := s.patch(id, offset, false, "x")
		require.Equal(t, 409, a.StatusCode)
		require.Equal(t, "mismatching-upload-offset", a.problem())
		require.Equal(t, "5", a.Header.Get("Upload-Offset"))
		require.EqualValues(t, 5, a.json(t)["expected-offset"])
	}
	require.Equal(t, 5, s.offset(id), "nothing was written")
}

func TestUnknownLengthInParts(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("wc -c"), MaxBytes: 8}))
	id := s.begin(-1)
	require.Equal(t, 204, s.patch(id, 0, false, "hello").StatusCode)
	require.Equal(t, 413, s.patch(id, 5, true, "world").StatusCode)
	require.Equal(t, 202, s.patch(id, 5, true, "wor").StatusCode)
	require.Equal(t, "succeeded", s.ended(id).Outcome)
}

func TestLastPartMayBeSentAgain(t *testing.T) {
	script, file := waiting(t)
	s := start(t, target(imports.Target{Importer: sh(script)}))
	id := s.begin(5)
	require.Equal(t, 202, s.patch(id, 0, true, "hello").StatusCode)
	a := s.do("PATCH", "/db/"+id+"/content", nil, "Upload-Offset", "5", "Upload-Complete", "?1")
	require.Equal(t, 202, a.StatusCode)
	touch(t, file)
	require.Equal(t, 1, s.ended(id).Attempt, "and is imported once")
}

func TestCutPartKeepsItsBytes(t *testing.T) {
	s := start(t)
	id := s.begin(100)
	pr, pw := io.Pipe()
	req, err := http.NewRequest("PATCH", s.url+"/db/"+id+"/content", pr)
	require.NoError(t, err)
	req.Header.Set("Upload-Offset", "0")
	done := make(chan error, 1)
	go func() {
		res, err := s.c.Do(req)
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	_, err = pw.Write(bytes.Repeat([]byte("x"), 30))
	require.NoError(t, err)
	eventually(t, func() bool { return s.offset(id) == 30 })
	pw.CloseWithError(io.ErrClosedPipe)
	require.Error(t, <-done)
	eventually(t, func() bool { return s.patch(id, 30, true, strings.Repeat("y", 70)).StatusCode == 202 })
	require.Equal(t, "succeeded", s.ended(id).Outcome)
}

// A second request for one upload ends the first, whose client may be dead
// without the server knowing.
func TestLaterWriterTakesOver(t *testing.T) {
	s := start(t)
	id := s.begin(100)
	pr, pw := io.Pipe()
	req, err := http.NewRequest("PATCH", s.url+"/db/"+id+"/content", pr)
	require.NoError(t, err)
	req.Header.Set("Upload-Offset", "0")
	first := make(chan int, 1)
	go func() {
		res, err := s.c.Do(req)
		if err != nil {
			first <- 0
			return
		}
		res.Body.Close()
		first <- res.StatusCode
	}()
	_, err = pw.Write(bytes.Repeat([]byte("x"), 30))
	require.NoError(t, err)
	eventually(t, func() bool { return s.offset(id) == 30 })
	require.Equal(t, 202, s.patch(id, 30, true, strings.Repeat("y", 70)).StatusCode)
	require.Contains(t, []int{0, 409}, <-first)
	pw.Close()
	v := s.ended(id)
	require.Equal(t, "succeeded", v.Outcome)
	require.EqualValues(t, 100, *v.Source.Size)
}

func TestCanceledUploadThatGoesOnSending(t *testing.T) {
	s := start(t)
	id := s.begin(1 << 20)
	pr, pw := io.Pipe()
	req, err := http.NewRequest("PATCH", s.url+"/db/"+id+"/content", pr)
	require.NoError(t, err)
	req.Header.Set("Upload-Offset", "0")
	go func() {
		res, err := s.c.Do(req)
		if err == nil {
			res.Body.Close()
		}
		pr.Close()
	}()
	_, err = pw.Write([]byte("hello"))
	require.NoError(t, err)
	eventually(t, func() bool { return s.offset(id) == 5 })
	require.Equal(t, 202, s.do("POST", "/db/"+id+"/cancel", nil).StatusCode)
	for err == nil {
		_, err = pw.Write([]byte("and on"))
	}
	v := s.ended(id)
	require.Equal(t, "canceled", v.Outcome)
	require.False(t, v.Retryable)
	a := s.patch(id, 5, false, "more")
	require.Equal(t, 409, a.StatusCode)
	require.Equal(t, "upload-closed", a.problem())
	s.onlyRecords(id)
	require.Equal(t, 204, s.do("DELETE", "/db/"+id, nil).StatusCode)
	s.onlyRecords()
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

func TestDigests(t *testing.T) {
	s := start(t)
	id := s.upload(strings.NewReader("hello"), "Repr-Digest", digest("hello"))
	require.Equal(t, "succeeded", s.ended(id).Outcome)
	a := s.do("POST", "/db", strings.NewReader("hello"), "Repr-Digest", digest("other"))
	require.Equal(t, 422, a.StatusCode)
	require.Equal(t, "digest-mismatch", a.problem())
	parts := s.begin(5, "Repr-Digest", digest("world"))
	require.Equal(t, 422, s.patch(parts, 0, true, "hello").StatusCode)
	v := s.ended(parts)
	require.Equal(t, "rejected", v.Outcome)
	require.Equal(t, "urn:pruvon:problem:digest-mismatch", v.Problem.Type)
	parts2 := s.begin(5, "Repr-Digest", digest("hello"))
	require.Equal(t, 202, s.patch(parts2, 0, true, "hello").StatusCode)
	s.ended(parts2)
	s.onlyRecords(id, parts, parts2)
}

func TestIdempotencyKey(t *testing.T) {
	s := start(t)
	id := s.upload(strings.NewReader("hello"), "Idempotency-Key", `"k1"`)
	s.ended(id)
	require.Equal(t, id, s.upload(strings.NewReader("hello"), "Idempotency-Key", "k1"), "the first import is the answer")
	a := s.do("POST", "/db", strings.NewReader("hello, other"), "Idempotency-Key", "k1")
	require.Equal(t, 422, a.StatusCode)
	require.Equal(t, "idempotency-key", a.problem())
	parts := s.begin(5, "Idempotency-Key", "k2")
	require.Equal(t, parts, s.begin(5, "Idempotency-Key", "k2"))
}

func TestUploadThatStandsStillIsEnded(t *testing.T) {
	s := start(t, func(c *imports.Config) { c.UploadIdle = 50 * time.Millisecond })
	pr, pw := io.Pipe()
	defer pw.Close()
	go func() { _, _ = pw.Write([]byte("hello")) }()
	a := s.do("POST", "/db", pr)
	require.Equal(t, 408, a.StatusCode)
	require.Equal(t, "upload-idle", a.problem())
	s.onlyRecords()
}
