package imports

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFormats(t *testing.T) {
	tarHead := make([]byte, 512)
	copy(tarHead, "toc.dat")
	copy(tarHead[257:], "ustar\x00")
	for name, c := range map[string]struct {
		head string
		want Format
	}{
		"custom":         {"PGDMP\x01\x0e\x00\x04", FormatPgDumpCustom},
		"pg_dump":        {"--\n-- PostgreSQL database dump\n--\n", FormatSQL},
		"restrict":       {"\\restrict abc\n", FormatSQL},
		"mysqldump":      {"-- MySQL dump 10.13\n", FormatSQL},
		"comment":        {"/* hi */ select 1", FormatSQL},
		"statement":      {"  \n\tinsert into t values (1);", FormatSQL},
		"byte order":     {"\xef\xbb\xbfSET x = 1;", FormatSQL},
		"latin1":         {"INSERT INTO t VALUES ('\xfcber');", FormatSQL},
		"tar":            {string(tarHead), FormatTar},
		"prose":          {"Dear database,", FormatUnknown},
		"word":           {"SELECTION of cheese", FormatUnknown},
		"null":           {"-- x\x00", FormatUnknown},
		"utf-16":         {"\xff\xfe-\x00", FormatUnknown},
		"elf":            {"\x7fELF", FormatUnknown},
		"nothing at all": {"", FormatUnknown},
	} {
		require.Equal(t, c.want, detectFormat([]byte(c.head)), name)
	}
}

func FuzzSniff(f *testing.F) {
	for _, s := range []string{"PGDMP", "-- x", "\x1f\x8b\x08", "\x28\xb5\x2f\xfd", "BZh91AY&SY", "\xfd7zXZ\x00", "\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		detectFormat(b[:min(len(b), headSize)])
		c := detectCompression(b)
		if c == CompressionXZ {
			return
		}
		src, err := newSource(context.Background(), bytes.NewReader(b), c, limits{bytes: 1 << 20, ratio: 100}, nil, func(string) {})
		if err != nil {
			return
		}
		defer src.close()
		n, err := io.Copy(io.Discard, src)
		require.LessOrEqual(t, n, int64(1<<20))
		require.LessOrEqual(t, src.stored.n.Load(), int64(len(b)))
		require.Equal(t, err == nil, src.eof.Load())
		if c == CompressionNone && len(b) <= 1<<20 {
			require.NoError(t, err)
			require.EqualValues(t, len(b), n)
		}
	})
}

func FuzzPrintable(f *testing.F) {
	f.Add([]byte("a\r\nb\rc\x1b[2J\x9b\xff\u202e"), 3)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		whole := collect([][]byte{b})
		if cut < 0 || cut > len(b) {
			return
		}
		require.Equal(t, whole, collect([][]byte{b[:cut], b[cut:]}), "where a read ends does not show")
		require.LessOrEqual(t, len(whole), 3*len(b)+1)
		for _, r := range whole {
			require.False(t, r < 0x20 && r != '\n' && r != '\t', "%q", whole)
			require.False(t, r >= 0x7f && r < 0xa0, "%q", whole)
		}
		require.True(t, strings.ToValidUTF8(whole, "") == whole)
		again := collect([][]byte{[]byte(whole)})
		require.Equal(t, whole, again, "what is printable stays as it is")
	})
}

func collect(chunks [][]byte) string {
	var out strings.Builder
	c := newCollector(nil, func(_ Stream, text []byte, _ bool) { out.Write(text) })
	for _, b := range chunks {
		c.write(Stdout, b)
	}
	c.close()
	return out.String()
}
