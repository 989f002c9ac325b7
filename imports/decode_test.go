package imports_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/imports"
)

// manyLines is text that compresses well but not suspiciously so.
func manyLines(n int) []byte {
	var b bytes.Buffer
	r := rand.New(rand.NewPCG(1, 2))
	b.WriteString("-- dump\n")
	for i := range n {
		fmt.Fprintf(&b, "INSERT INTO t VALUES (%d, %d);\n", i, r.Uint64())
	}
	return b.Bytes()
}

// packed runs one of the machine's compressors.
func packed(t *testing.T, text []byte, name string, args ...string) []byte {
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	require.NoError(t, err)
	return out
}

func withXZ(c *imports.Config) {
	c.XZ = func(context.Context) (*exec.Cmd, error) { return exec.Command("xz", "-dc"), nil }
}

func TestCompressionIsToldByContent(t *testing.T) {
	text := manyLines(20_000)
	s := start(t, withXZ, target(imports.Target{Importer: sh("sha256sum"), Accept: []imports.Format{imports.FormatSQL}}))
	for name, stored := range map[string][]byte{
		"none":  text,
		"gzip":  gzipOf(text),
		"zstd":  zstdOf(text),
		"bzip2": packed(t, text, "bzip2", "-c"),
		"xz":    packed(t, text, "xz", "-1c"),
	} {
		t.Run(name, func(t *testing.T) {
			id := s.upload(bytes.NewReader(stored), "Content-Disposition", `attachment; filename="misleading.zip"`)
			v := s.ended(id)
			require.Equal(t, "succeeded", v.Outcome, "%+v", v.Problem)
			require.Equal(t, name, v.Source.Compression)
			require.Equal(t, "sql", v.Source.Format)
			require.EqualValues(t, len(stored), v.Progress.Stored, "stored bytes are counted")
			require.EqualValues(t, len(text), v.Progress.Decompressed)
			log := s.do("GET", "/db/"+id+"/log", nil)
			require.Equal(t, fmt.Sprintf("%x  -\n", sha256Of(text)), string(log.body))
			require.Equal(t, fmt.Sprintf("%x", sha256Of(stored)), v.Source.SHA256)
		})
	}
}

func TestSeveralMembersAreOneInput(t *testing.T) {
	s := start(t, target(imports.Target{Importer: sh("wc -c")}))
	two := append(gzipOf([]byte("hello ")), gzipOf([]byte("world"))...)
	id := s.upload(bytes.NewReader(two))
	v := s.ended(id)
	require.Equal(t, "succeeded", v.Outcome)
	require.EqualValues(t, 11, v.Progress.Decompressed)
	frames := append(zstdOf([]byte("hello ")), zstdOf([]byte("world"))...)
	require.EqualValues(t, 11, s.ended(s.upload(bytes.NewReader(frames))).Progress.Decompressed)
}

func TestBytesAfterTheEndAreAWarning(t *testing.T) {
	s := start(t)
	for name, stored := range map[string][]byte{
		"gzip zeros":    append(gzipOf([]byte("hello")), make([]byte, 512)...),
		"gzip garbage":  append(gzipOf([]byte("hello")), "garbage"...),
		"zstd garbage":  append(zstdOf([]byte("hello")), "garbage"...),
		"bzip2 garbage": append(packed(t, []byte("hello"), "bzip2", "-c"), "garbage"...),
	} {
		t.Run(name, func(t *testing.T) {
			v := s.ended(s.upload(bytes.NewReader(stored)))
			require.Equal(t, "succeeded_with_warnings", v.Outcome, "%+v", v.Problem)
			require.Equal(t, 1, v.Warnings.Count)
			require.EqualValues(t, 5, v.Progress.Decompressed)
			require.Equal(t, 100.0, *v.Progress.Percent)
		})
	}
}

// commits is an importer that commits at the end of its input: what must not
// happen with damaged input.
func commits(file string) imports.Importer { return sh("cat >/dev/null; sleep 0.2; touch " + file) }

func TestDamagedInputNeverCommits(t *testing.T) {
	text := manyLines(35_000)
	gz, zs := gzipOf(text), zstdOf(text, zstd.WithEncoderCRC(true))
	bz, xz := packed(t, text, "bzip2", "-c"), packed(t, text, "xz", "-1c")
	flip := func(b []byte) []byte {
		b = bytes.Clone(b)
		b[len(b)*3/4] ^= 0xff
		return b
	}
	for name, stored := range map[string][]byte{
		"gzip cut": gz[:len(gz)/2], "zstd cut": zs[:len(zs)/2], "bzip2 cut": bz[:len(bz)*9/10], "xz cut": xz[:len(xz)/2],
		"gzip flipped": flip(gz), "zstd flipped": flip(zs), "bzip2 flipped": flip(bz), "xz flipped": flip(xz),
		"gzip without its trailer": gz[:len(gz)-4], "second member cut": append(bytes.Clone(gz), gz[:len(gz)/2]...),
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "committed")
			s := start(t, withXZ, target(imports.Target{Importer: commits(file)}))
			v := s.ended(s.upload(bytes.NewReader(stored)))
			require.Equal(t, "failed", v.Outcome)
			require.Equal(t, "urn:pruvon:problem:damaged", v.Problem.Type)
			require.NotNil(t, v.Problem.Offset)
			require.LessOrEqual(t, *v.Problem.Offset, int64(len(stored)))
			require.NoFileExists(t, file)
			if v.Source.SHA256 != "" { // the damage was at the end
				require.Equal(t, fmt.Sprintf("%x", sha256Of(stored)), v.Source.SHA256)
			}
		})
	}
}

func TestVerifyStartsNothingOnDamage(t *testing.T) {
	gz := gzipOf(manyLines(40_000))
	file := filepath.Join(t.TempDir(), "started")
	s := start(t, target(imports.Target{Importer: sh("touch " + file + "; cat >/dev/null"), Verify: true}))
	v := s.ended(s.upload(bytes.NewReader(gz[:len(gz)/2])))
	require.Equal(t, "failed", v.Outcome)
	require.NoFileExists(t, file)
	v = s.ended(s.upload(bytes.NewReader(gz)))
	require.Equal(t, "succeeded", v.Outcome)
	require.FileExists(t, file)
}

func TestBombsAreDefused(t *testing.T) {
	huge := func(w io.WriteCloser, b *bytes.Buffer) []byte {
		_, _ = io.WriteString(w, "-- dump\n")
		_, _ = io.CopyN(w, zeroReader{}, 80<<20)
		_ = w.Close()
		return b.Bytes()
	}
	var gz, zs bytes.Buffer
	zw, err := zstd.NewWriter(&zs)
	require.NoError(t, err)
	gzBomb, zsBomb := huge(gzip.NewWriter(&gz), &gz), huge(zw, &zs)
	for name, c := range map[string]struct {
		stored  []byte
		max     int64
		problem string
	}{
		"gzip by bytes": {gzBomb, 10 << 20, "too-large"},
		"zstd by bytes": {zsBomb, 10 << 20, "too-large"},
		"gzip by ratio": {gzBomb, -1, "ratio"},
		"zstd by ratio": {zsBomb, -1, "ratio"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := start(t, target(imports.Target{
				Importer: sh("cat >" + dir + "/got; touch " + dir + "/committed"), MaxDecompressedBytes: c.max,
			}))
			id := s.upload(bytes.NewReader(c.stored))
			v := s.ended(id)
			require.Equal(t, "rejected", v.Outcome)
			require.Equal(t, "urn:pruvon:problem:"+c.problem, v.Problem.Type)
			require.False(t, v.Retryable)
			require.NoFileExists(t, dir+"/committed")
			info, err := os.Stat(dir + "/got")
			require.NoError(t, err)
			require.Less(t, info.Size(), int64(72<<20), "the cap holds on the decompressed side")
			s.onlyRecords(id)
		})
	}
}

func TestFormatsAreCheckedBeforeTheTargetIsTouched(t *testing.T) {
	file := filepath.Join(t.TempDir(), "started")
	s := start(t, target(imports.Target{Importer: sh("touch " + file), Accept: []imports.Format{imports.FormatPgDumpCustom}}))
	for _, stored := range [][]byte{[]byte(sqlText), gzipOf([]byte(sqlText)), zstdOf([]byte(sqlText))} {
		a := s.do("POST", "/db", bytes.NewReader(stored))
		require.Equal(t, 422, a.StatusCode)
		require.Equal(t, "format", a.problem())
		require.Contains(t, string(a.body), "this is plain SQL; the target takes a pg_dump archive in custom format")
	}
	parts := s.begin(len(sqlText))
	require.Equal(t, 422, s.patch(parts, 0, true, sqlText).StatusCode)
	require.Equal(t, "rejected", s.ended(parts).Outcome)
	require.NoFileExists(t, file)
	s.onlyRecords(parts)
}

func TestHostsOwnFormat(t *testing.T) {
	s := start(t, target(imports.Target{
		Importer: sh("cat"), Accept: []imports.Format{"redis"},
		Detect: func(head []byte) imports.Format {
			if bytes.HasPrefix(head, []byte("REDIS")) {
				return "redis"
			}
			return ""
		},
	}))
	require.Equal(t, "redis", s.ended(s.upload(strings.NewReader("REDIS0011"))).Source.Format)
	require.Equal(t, 422, s.do("POST", "/db", strings.NewReader(sqlText)).StatusCode)
}
