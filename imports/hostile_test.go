package imports_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// hostileTarget takes SQL of at most 1 MiB that unpacks to at most 4 MiB.
func hostileTarget() imports.Target {
	return imports.Target{
		Importer: sh("wc -c"), Accept: []imports.Format{imports.FormatSQL},
		MaxBytes: 1 << 20, MaxDecompressedBytes: 4 << 20,
	}
}

// raw sends a request byte by byte as it stands and returns the answer.
func (s *server) raw(request string) (*http.Response, string) {
	s.t.Helper()
	addr := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/ops/imports")
	c, err := net.Dial("tcp", addr)
	require.NoError(s.t, err)
	defer c.Close()
	require.NoError(s.t, c.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(c, strings.ReplaceAll(strings.ReplaceAll(request, "HOST", addr), "\n", "\r\n"))
	require.NoError(s.t, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(s.t, err)
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res, string(b)
}

func zeros(n int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.CopyN(w, zeroReader{}, int64(n))
	_ = w.Close()
	return b.Bytes()
}

type zeroReader struct{}

func (zeroReader) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

func zstdOf(b []byte, opts ...zstd.EOption) []byte {
	w, err := zstd.NewWriter(nil, opts...)
	if err != nil {
		panic(err)
	}
	defer w.Close()
	return w.EncodeAll(b, nil)
}

func gzipOf(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

const sqlText = "-- dump\nINSERT INTO t VALUES (1);\n"

func form(parts ...string) (string, string) {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--b\r\n" + p + "\r\n")
	}
	return b.String() + "--b--\r\n", "multipart/form-data; boundary=b"
}

func filePart(name, body string) string {
	return "Content-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n" + body
}

// Each of these uploads ends in a problem document and leaves nothing.
func TestHostileUploads(t *testing.T) {
	s := start(t, target(hostileTarget()), func(c *imports.Config) { c.UploadIdle = 200 * time.Millisecond })
	sqlGzip := gzipOf([]byte(strings.Repeat(sqlText, 100)))
	type sent struct {
		name    string
		body    []byte
		headers []string
		status  int
		problem string
	}
	f := func(parts ...string) ([]byte, []string) {
		b, typ := form(parts...)
		return []byte(b), []string{"Content-Type", typ}
	}
	var cases []sent
	add := func(name string, body []byte, status int, problem string, headers ...string) {
		cases = append(cases, sent{name, body, headers, status, problem})
	}
	addForm := func(name string, status int, problem string, parts ...string) {
		b, h := f(parts...)
		cases = append(cases, sent{name, b, h, status, problem})
	}
	add("nothing", nil, 422, "empty")
	add("too large by length", bytes.Repeat([]byte("x"), 1<<20+1), 413, "too-large")
	add("length that disagrees", []byte(sqlText), 400, "inconsistent-upload-length", "Upload-Length", "7")
	add("negative length", []byte(sqlText), 400, "bad-request", "Upload-Length", "-1")
	add("length that is no number", []byte(sqlText), 400, "bad-request", "Upload-Length", "0x10")
	add("length beyond 15 digits", []byte(sqlText), 400, "bad-request", "Upload-Length", "9999999999999999")
	add("two lengths", []byte(sqlText), 400, "bad-request", "Upload-Length", "1", "Upload-Length", "1")
	add("announced beyond the limit", nil, 413, "too-large", "Upload-Complete", "?0", "Upload-Length", "1048577")
	add("announced empty", nil, 422, "empty", "Upload-Complete", "?0", "Upload-Length", "0")
	add("created with a body", []byte(sqlText), 400, "inconsistent-upload-length", "Upload-Complete", "?0", "Upload-Length", "100")
	add("complete that is no boolean", []byte(sqlText), 400, "bad-request", "Upload-Complete", "true")
	add("two completes", []byte(sqlText), 400, "bad-request", "Upload-Complete", "?0", "Upload-Complete", "?1")
	add("digest of something else", []byte(sqlText), 422, "digest-mismatch", "Repr-Digest", digest("x"))
	add("digest that is no base64", []byte(sqlText), 400, "bad-request", "Repr-Digest", "sha-256=:***:")
	add("digest of the wrong size", []byte(sqlText), 400, "bad-request", "Repr-Digest", "sha-256=:AAAA:")
	add("digest without colons", []byte(sqlText), 400, "bad-request", "Repr-Digest", "sha-256=AAAA")
	add("key with a space", []byte(sqlText), 400, "bad-request", "Idempotency-Key", "a b")
	add("key too long", []byte(sqlText), 400, "bad-request", "Idempotency-Key", strings.Repeat("k", 300))
	add("path as a name", []byte(sqlText), 400, "file-name", "Content-Disposition", `attachment; filename="../../etc/passwd"`)
	add("windows path as a name", []byte(sqlText), 400, "file-name", "Content-Disposition", `attachment; filename*=UTF-8''c%3A%5Cx`)
	add("dots as a name", []byte(sqlText), 400, "file-name", "Content-Disposition", `attachment; filename=".."`)
	add("escape in a name", []byte(sqlText), 400, "file-name", "Content-Disposition", "attachment; filename*=UTF-8''a%1b%5B2Jb")
	add("NUL in a name", []byte(sqlText), 400, "file-name", "Content-Disposition", "attachment; filename*=UTF-8''a%00b")
	add("bidi in a name", []byte(sqlText), 400, "file-name", "Content-Disposition", "attachment; filename*=UTF-8''a%E2%80%AEb")
	add("long name", []byte(sqlText), 400, "file-name", "Content-Disposition", "attachment; filename="+strings.Repeat("n", 300))
	add("malformed disposition", []byte(sqlText), 400, "file-name", "Content-Disposition", `attachment; filename="x`)
	add("archive instead of SQL", []byte("PGDMP\x01\x0e\x00"), 422, "format")
	add("binary instead of SQL", []byte{0, 1, 2, 3}, 422, "format")
	add("UTF-16", []byte("\xff\xfe-\x00-\x00 \x00"), 422, "format")
	add("bomb of zeros", zeros(3<<20), 422, "format")
	add("gzip without its data", sqlGzip[:12], 422, "damaged")
	add("gzip with a corrupt head", append([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}, bytes.Repeat([]byte{0xff}, 50)...), 422, "damaged")
	add("gzip of nothing", gzipOf(nil), 422, "empty")
	add("zstd with too large a window", zstdHead(1<<31), 422, "window")
	add("xz that is not set up", []byte("\xfd7zXZ\x00xxxxxxxxxxxx"), 422, "compression-unsupported")
	addForm("form without a file", 400, "bad-request", "Content-Disposition: form-data; name=\"x\"\r\n\r\ny")
	addForm("form with two files", 400, "bad-request", filePart("a", sqlText), filePart("b", sqlText))
	addForm("form with a path as a name", 400, "file-name", filePart("../a", sqlText))
	addForm("form with an empty file", 422, "empty", filePart("a", ""))
	addForm("form with a huge field", 400, "bad-request", "Content-Disposition: form-data; name=\"x\"\r\n\r\n"+strings.Repeat("y", 70_000), filePart("a", sqlText))
	addForm("form with a file that is too large", 413, "too-large", filePart("a", strings.Repeat("x", 1<<20+1)))
	add("form without a boundary", []byte("x"), 400, "bad-request", "Content-Type", "multipart/form-data")
	add("form cut before its end", []byte("--b\r\n"+filePart("a", sqlText)+"\r\n--b"), 400, "upload-cut", "Content-Type", "multipart/form-data; boundary=b")
	add("form of something else", []byte("garbage"), 400, "upload-cut", "Content-Type", "multipart/form-data; boundary=b")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := s.do("POST", "/db", bytes.NewReader(c.body), c.headers...)
			require.Equal(t, c.status, a.StatusCode, string(a.body))
			require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
			require.Equal(t, c.problem, a.problem(), string(a.body))
			s.onlyRecords()
		})
	}
	require.GreaterOrEqual(t, len(cases), 40)
	id := s.upload(strings.NewReader(sqlText))
	require.Equal(t, "succeeded", s.ended(id).Outcome, "an honest upload still works")
	noProcessBelow(t, s.dir)
}

// zstdHead is a frame header that asks for a window (RFC 8878 section
// 3.1.1.1) and a compressed block that would need it.
func zstdHead(window uint64) []byte {
	exp := 0
	for 1<<(10+exp+1) <= window {
		exp++
	}
	return append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, byte(exp << 3)}, 0x01, 0, 0)
}

func noProcessBelow(t *testing.T, dir string) {
	t.Helper()
	cmdlines, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, f := range cmdlines {
		b, err := os.ReadFile(f)
		if err == nil && bytes.Contains(b, []byte(dir)) {
			t.Fatalf("%s belongs to an import", f)
		}
	}
}

// What is refused early is answered without waiting for a body that may never
// come.
func TestRefusalDoesNotWaitForTheBody(t *testing.T) {
	s := start(t, target(hostileTarget()))
	for _, request := range []string{
		"POST /ops/imports/db HTTP/1.1\nHost: HOST\nContent-Length: 10000000000\n\n",
		"POST /ops/imports/db HTTP/1.1\nHost: HOST\nContent-Length: 1000\nUpload-Length: 1\n\n",
		"POST /ops/imports/nosuch HTTP/1.1\nHost: HOST\nContent-Length: 100\n\n",
		"POST /ops/imports/db HTTP/1.1\nHost: HOST\nTransfer-Encoding: chunked\nUpload-Length: x\n\n",
		"DELETE /ops/imports/db HTTP/1.1\nHost: HOST\nContent-Length: 100\n\n",
	} {
		res, body := s.raw(request)
		require.GreaterOrEqual(t, res.StatusCode, 400)
		require.Contains(t, body, "urn:pruvon:problem:")
		require.True(t, res.Close)
	}
	s.onlyRecords()
}

// The client sends less than it announced, in each way there is.
func TestShortUploads(t *testing.T) {
	s := start(t, func(c *imports.Config) { c.UploadIdle = 100 * time.Millisecond })
	addr := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/ops/imports")
	for i, request := range []string{
		"POST /ops/imports/db HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1000\r\n\r\nhello",
		"POST /ops/imports/db HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"POST /ops/imports/db HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello",
		"POST /ops/imports/db HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1000\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n" + filePart("a", "hello"),
	} {
		for _, half := range []bool{false, true} {
			c, err := net.Dial("tcp", addr)
			require.NoError(t, err, i)
			_, err = io.WriteString(c, strings.ReplaceAll(request, "HOST", addr))
			require.NoError(t, err)
			if half {
				require.NoError(t, c.(*net.TCPConn).CloseWrite())
				_, _ = io.Copy(io.Discard, c)
			}
			c.Close()
		}
	}
	s.onlyRecords()
}

// A hundred uploads at once, some of them cut, all of them accounted for.
func TestHundredUploadsAtOnce(t *testing.T) {
	s := start(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	var ids []string
	for i := range 100 {
		wg.Go(func() {
			body := strings.NewReader(strings.Repeat("x", 10_000+i))
			if i%4 == 3 { // dies on the way
				pr, pw := io.Pipe()
				go func() {
					_, _ = io.CopyN(pw, body, 5000)
					pw.CloseWithError(io.ErrUnexpectedEOF)
				}()
				_, err := s.try("POST", "/db", pr)
				if err == nil {
					t.Error("a cut upload was answered as if it were whole")
				}
				return
			}
			a, err := s.try("POST", "/db", body)
			if err != nil || a.StatusCode != 202 {
				t.Errorf("%v %s", err, a.body)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, parseSnapshot(t, a.body).ID)
		})
	}
	wg.Wait()
	require.Len(t, ids, 75)
	for _, id := range ids {
		require.Equal(t, "succeeded", s.ended(id).Outcome)
	}
	s.onlyRecords(ids...)
}

// Whatever the point at which the client goes away, nothing stays.
func TestUploadCutAtAnyPoint(t *testing.T) {
	s := start(t)
	addr := strings.TrimSuffix(strings.TrimPrefix(s.url, "http://"), "/ops/imports")
	body, typ := form("Content-Disposition: form-data; name=\"x\"\r\n\r\ny", filePart("a", strings.Repeat("x", 300)))
	for _, head := range []string{
		fmt.Sprintf("POST /ops/imports/db HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\nContent-Type: %s\r\n\r\n", addr, len(body), typ),
		fmt.Sprintf("PUT /ops/imports/db HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", addr, len(body)),
	} {
		request := head + body
		step := 7
		if os.Getenv("PRUVON_FULL") != "" {
			step = 1
		}
		for n := 1; n < len(request); n += step {
			c, err := net.Dial("tcp", addr)
			require.NoError(t, err)
			_, err = io.WriteString(c, request[:n])
			require.NoError(t, err)
			require.NoError(t, c.(*net.TCPConn).SetLinger(n%2)) // half of them with a reset
			c.Close()
		}
	}
	s.onlyRecords()
}
