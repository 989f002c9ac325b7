package logs_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// FuzzSplit: any way of cutting the input into chunks gives the same lines.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("a\r\nbb\n\nccc"), uint8(1), uint8(4))
	f.Add([]byte("\r\r\n\n\r"), uint8(2), uint8(1))
	f.Add([]byte("12345\r\n12345678\n"), uint8(3), uint8(5))
	f.Fuzz(func(t *testing.T, in []byte, step, limit uint8) {
		size, most := int(step)+1, int(limit)+1
		var chunks [][]byte
		for b := in; len(b) > 0; {
			n := min(size, len(b))
			chunks = append(chunks, b[:n])
			b = b[n:]
		}
		texts, lengths := logs.Split(most, chunks...)
		want, wantLengths := slowSplit(in, most)
		require.Equal(t, want, texts)
		require.Equal(t, wantLengths, lengths)
	})
}

// slowSplit is the obvious way.
func slowSplit(in []byte, most int) (texts []string, lengths []int64) {
	parts := strings.SplitAfter(string(in), "\n")
	for _, p := range parts {
		if p == "" {
			continue
		}
		if line, ok := strings.CutSuffix(p, "\n"); ok {
			p = line
			p = strings.TrimSuffix(p, "\r")
		}
		texts = append(texts, p[:min(len(p), most)])
		lengths = append(lengths, int64(len(p)))
	}
	return texts, lengths
}

// FuzzSSE: whatever stands in the lines, a reader that follows the
// specification sees one event with these lines in it.
func FuzzSSE(f *testing.F) {
	f.Add("a\revent: done\rdata: import finished OK\r\r", "b")
	f.Add("\u2028\x00id: x", "data:")
	f.Fuzz(func(t *testing.T, a, b string) {
		wire := logs.EncodeSSE([][]byte{[]byte(a), []byte(b)}, "CURSOR")
		events := 0
		err := readSSE(bufio.NewReader(bytes.NewReader(wire)), func(e sseEvent) bool {
			events++
			require.Equal(t, "lines", e.kind)
			require.Equal(t, "CURSOR", e.id)
			var m message
			require.NoError(t, json.Unmarshal([]byte(e.data), &m))
			got := m.entries(t)
			require.Len(t, got, 2)
			require.Equal(t, string(logs.SanitizeText(nil, []byte(a))), got[0].M)
			require.Equal(t, string(logs.SanitizeText(nil, []byte(b))), got[1].M)
			return true
		})
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, 1, events)
	})
}

// FuzzCursor: nothing but what was sealed opens, and it opens for its log only.
func FuzzCursor(f *testing.F) {
	key := []byte("0123456789abcdef0123456789abcdef")
	good := logs.SealCursor(key, "app", 1, 2, 3, []byte("pos"))
	f.Add(good, uint(0), byte(1))
	f.Add("", uint(3), byte(0x80))
	f.Fuzz(func(t *testing.T, text string, at uint, flip byte) {
		require.True(t, logs.OpenCursor(key, "app", good))
		require.False(t, logs.OpenCursor(key, "other", good))
		if text != good {
			require.False(t, logs.OpenCursor(key, "app", text))
		}
		bent := []byte(good)
		bent[int(at%uint(len(bent)))] ^= flip
		if flip != 0 {
			require.False(t, logs.OpenCursor(key, "app", string(bent)))
		}
	})
}

// FuzzQuery: no query panics, and what comes out is within its bounds.
func FuzzQuery(f *testing.F) {
	f.Add("tail=10&since=10m&grep=a%2Bb&follow=0")
	f.Add("tail=-1&level=warn&cursor=x&to=y")
	f.Fuzz(func(t *testing.T, raw string) {
		r := &http.Request{URL: &url.URL{RawQuery: raw}, Header: http.Header{}}
		_, err := logs.ParseQuery(r, time.Unix(1e9, 0))
		if err != nil {
			require.NotContains(t, err.Error(), "%!")
		}
	})
}

// FuzzTimestamp: no line panics.
func FuzzTimestamp(f *testing.F) {
	f.Add([]byte(`{"time":"2026-11-25T00:10:09Z"}`))
	f.Add([]byte(`1.2.3.4 - - [25/Nov/2026:00:10:09 +0000] "GET / HTTP/1.1" 200 1`))
	f.Fuzz(func(t *testing.T, line []byte) {
		logs.Timestamp(line, time.Unix(1e9, 0))
		logs.LevelOf(line)
	})
}
