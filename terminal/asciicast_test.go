package terminal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// castEvent is a line of a recording as a player reads it.
type castEvent struct {
	At   float64
	Code string
	Data string
}

func (e *castEvent) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.At, &e.Code, &e.Data})
}

// replay reads a recording: its header, its events in order of time, and what
// its output and input were, byte for byte.
func replay(t *testing.T, cast []byte) (header map[string]any, events []castEvent, output, input []byte) {
	t.Helper()
	require.True(t, utf8.Valid(cast), "a recording is UTF-8")
	lines := bytes.Split(bytes.TrimSuffix(cast, []byte("\n")), []byte("\n"))
	require.NoError(t, json.Unmarshal(lines[0], &header))
	for _, line := range lines[1:] {
		var e castEvent
		require.NoError(t, json.Unmarshal(line, &e), "%q", line)
		if n := len(events); n > 0 {
			require.GreaterOrEqual(t, e.At, events[n-1].At)
		}
		events = append(events, e)
	}
	for i, e := range events {
		data := []byte(e.Data)
		if i+1 < len(events) && events[i+1].Code == "b" {
			exact, err := base64.StdEncoding.DecodeString(events[i+1].Data)
			require.NoError(t, err)
			require.Equal(t, string([]rune(string(exact))), e.Data, "the text stands for the bytes")
			data = exact
		}
		switch e.Code {
		case "o":
			output = append(output, data...)
		case "i":
			input = append(input, data...)
		}
	}
	return header, events, output, input
}

func ofCode(events []castEvent, code string) (data []string) {
	for _, e := range events {
		if e.Code == code {
			data = append(data, e.Data)
		}
	}
	return data
}

func TestCastHeader(t *testing.T) {
	line := castHeaderOf(Info{
		ID: "S", Name: "shell", User: "ann", Addr: netip.MustParseAddr("192.0.2.1"),
		Started: time.Unix(1_700_000_000, 5), Size: Size{Cols: 100, Rows: 30},
	}).append(nil)
	require.JSONEq(t, `{"version":2,"width":100,"height":30,"timestamp":1700000000,"title":"shell",
		"env":{"TERM":"xterm-256color"},"pruvon":{"session":"S","name":"shell","user":"ann","addr":"192.0.2.1"}}`, string(line))
	require.Equal(t, 1, bytes.Count(line, []byte("\n")))
}

func TestCastEvents(t *testing.T) {
	type ev struct {
		code byte
		data string
	}
	for _, c := range []struct {
		name string
		in   []ev
		want string
	}{
		{"text", []ev{{'o', "a \"b\" \\ \r\n\t\x1b[1m\x7f\u2028"}}, `[1.500000,"o","a \"b\" \\ \r\n\u0009\u001b[1m\u007f` + "\u2028\"]\n"},
		{"nothing", []ev{{'o', ""}}, ""},
		{"resize", []ev{{'r', "80x24"}}, `[1.500000,"r","80x24"]` + "\n"},
		{"character over two events", []ev{{'o', "a\xe2"}, {'o', "\x82"}, {'o', "\xacb"}}, `[1.500000,"o","a"]` + "\n" + `[1.500000,"o","€b"]` + "\n"},
		{"output and input apart", []ev{{'o', "\xe2\x82"}, {'i', "\xc3"}, {'i', "\xa9"}, {'o', "\xac"}}, `[1.500000,"i","é"]` + "\n" + `[1.500000,"o","€"]` + "\n"},
		{"not UTF-8", []ev{{'o', "a\xffb"}}, `[1.500000,"o","a` + "\ufffd" + `b"]` + "\n" + `[1.500000,"b","Yf9i"]` + "\n"},
		{"U+FFFD itself", []ev{{'o', "\ufffd"}}, `[1.500000,"o","` + "\ufffd" + `"]` + "\n"},
		{"gap within a character", []ev{{'o', "\xe2"}, {castGap, "gap"}, {'o', "\x82"}}, `[1.500000,"o","` + "\ufffd" + `"]` + "\n" +
			`[1.500000,"b","4g=="]` + "\n" + `[1.500000,"m","gap"]` + "\n" + `[1.500000,"o","` + "\ufffd" + `"]` + "\n" + `[1.500000,"b","gg=="]` + "\n"},
		{"end within a character", []ev{{'o', "\xe2"}, {castExit, "exit"}}, `[1.500000,"o","` + "\ufffd" + `"]` + "\n" +
			`[1.500000,"b","4g=="]` + "\n" + `[1.500000,"m","exit"]` + "\n"},
		{"resize within a character", []ev{{'o', "\xe2\x82"}, {'r', "1x1"}, {'o', "\xac"}}, `[1.500000,"r","1x1"]` + "\n" + `[1.500000,"o","€"]` + "\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e castEncoder
			var out []byte
			for _, v := range c.in {
				out = e.event(out, 1500*time.Millisecond, v.code, []byte(v.data))
			}
			require.Equal(t, c.want, string(out))
		})
	}
}

func castOf(chunks [][]byte) []byte {
	var e castEncoder
	out := castHeaderOf(Info{}).append(nil)
	for i, p := range chunks {
		out = e.event(out, time.Duration(i)*time.Millisecond, castOutput, p)
	}
	return e.event(out, time.Hour, castExit, []byte("exit"))
}

func TestCastReplaysByteForByte(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		var want []byte
		var chunks [][]byte
		for range r.IntN(50) {
			p := []byte("text caf\u00e9 \u65e5\u672c \U0001f600 \ufffd")
			for range r.IntN(4) {
				p[r.IntN(len(p))] = byte(r.Uint32())
			}
			p = p[r.IntN(len(p)):]
			want = append(want, p...)
			chunks = append(chunks, p)
		}
		_, _, got, _ := replay(t, castOf(chunks))
		require.Equal(t, want, got, "seed %d", seed)
	}
}

func FuzzCast(f *testing.F) {
	f.Add([]byte("plain\r\n"), 3)
	f.Add([]byte("\xe2\x82\xac\xff\xf0\x9f\x98"), 2)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		if cut < 0 || cut > len(data) {
			cut = len(data) / 2
		}
		_, _, got, _ := replay(t, castOf([][]byte{data[:cut], data[cut:]}))
		require.True(t, bytes.Equal(data, got))
	})
}

func BenchmarkCast(b *testing.B) {
	p := bytes.Repeat([]byte("\x1b[01;34msome-directory\x1b[0m  caf\u00e9 and text\r\n"), 80)
	var e castEncoder
	out := make([]byte, 0, 64<<10)
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		out = e.event(out[:0], time.Second, castOutput, p)
	}
}
