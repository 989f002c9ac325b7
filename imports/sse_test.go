package imports

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzSSE: whatever a command prints, a reader that follows the HTML standard
// sees one event, with the message as its data and the number as its id.
func FuzzSSE(f *testing.F) {
	f.Add("hello\n", uint64(7))
	f.Add("a\r\n\r\nevent: end\ndata: {}\n\n\u2028\x00", uint64(1)<<62)
	f.Add(`","seq":99,"`, uint64(0))
	f.Fuzz(func(t *testing.T, text string, seq uint64) {
		line := encode(outputMessage{Type: "output", Seq: seq, At: time.Unix(0, 0), Stream: Stdout, Data: text})
		var b bytes.Buffer
		sseFrame(&b, line)
		fields := map[string]string{}
		whole, ok := strings.CutSuffix(b.String(), "\n\n")
		require.True(t, ok)
		require.NotContains(t, whole, "\r")
		for field := range strings.SplitSeq(whole, "\n") {
			name, value, ok := strings.Cut(field, ": ")
			require.True(t, ok, "an empty line, or a field of the content's: %q", field)
			require.NotContains(t, fields, name)
			fields[name] = value
		}
		require.Equal(t, map[string]string{"event": "output", "id": strconv.FormatUint(seq, 10), "data": string(line)}, fields)
		var m outputMessage
		require.NoError(t, json.Unmarshal([]byte(fields["data"]), &m))
		require.Equal(t, string([]rune(text)), m.Data)
	})
}
