package terminal

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func tracked(rows int, parts ...string) *tracker {
	t := newTracker(rows)
	for _, p := range parts {
		t.Write([]byte(p))
	}
	return t
}

func TestTrackerModes(t *testing.T) {
	bold := pen{sgr: sgr{attrs: attrBold}}
	for _, c := range []struct {
		name, in string
		want     modes
	}{
		{"nothing", "plain \u00e9 text\r\n", modes{}},
		{"alternate screen 1049", "\x1b[?1049h", modes{flags: flagAlt}},
		{"alternate screen 47", "\x1b[?47h", modes{flags: flagAlt}},
		{"left again", "\x1b[?1049h\x1b[3;5r\x1b7\x1b[?1049l", modes{}},
		{"1049 keeps the pen", "\x1b[1m\x1b[?1049h\x1b[0m\x1b[?1049l", modes{pen: bold, screens: [2]screen{{saved: bold}}}},
		{"several at once", "\x1b[?1;2004;25h\x1b[?25l", modes{flags: flagAppCursor | flagPaste | flagHidden}},
		{"set and reset", "\x1b[?1;2004h\x1b[?2004;1l", modes{}},
		{"mouse", "\x1b[?1000h\x1b[?1002h\x1b[?1006h", modes{mouse: 1002, encoding: 1006}},
		{"mouse off", "\x1b[?1003;1006h\x1b[?1003;1006l", modes{}},
		{"x10 and urxvt mouse", "\x1b[?9;1015h", modes{mouse: 9, encoding: 1015}},
		{"utf-8 mouse", "\x1b[?1005h", modes{encoding: 1005}},
		{"focus and sync", "\x1b[?1004h\x1b[?2026h", modes{flags: flagFocus | flagSync}},
		{"keypad", "\x1b=", modes{flags: flagAppKeypad}},
		{"keypad numeric", "\x1b=\x1b>", modes{}},
		{"wrap and origin", "\x1b[?7l\x1b[?6h", modes{flags: flagNoWrap | flagOrigin}},
		{"insert and newline", "\x1b[4;20h", modes{flags: flagInsert | flagNewline}},
		{"cursor style", "\x1b[5 q", modes{cursorStyle: 5}},
		{"unknown cursor style", "\x1b[9 q", modes{}},
		{"scroll region", "\x1b[2;20r", modes{screens: [2]screen{{top: 2, bottom: 20}}}},
		{"scroll region open", "\x1b[5r", modes{screens: [2]screen{{top: 5, bottom: 24}}}},
		{"scroll region whole", "\x1b[2;20r\x1b[r", modes{}},
		{"no scroll region", "\x1b[20;2r", modes{}},
		{"line drawing", "\x1b(0", modes{pen: pen{sets: [4]byte{'0'}}}},
		{"G1 shifted in", "\x1b)0\x0e", modes{pen: pen{sets: [4]byte{0, '0'}, gl: 1}}},
		{"shifted out again", "\x0e\x0f", modes{}},
		{"default set", "\x1b(0\x0e\x1b%G", modes{}},
		{"SGR", "\x1b[1;3;4;31;48;5;200m", modes{pen: pen{sgr: sgr{
			attrs: attrBold | attrItalic, underline: 1, fg: colorBasic | 1, bg: colorIndexed | 200,
		}}}},
		{"SGR bright", "\x1b[93;104m", modes{pen: pen{sgr: sgr{fg: colorBasic | 11, bg: colorBasic | 12}}}},
		{"SGR RGB", "\x1b[38;2;1;2;3;4:3;58:2::4:5:6m", modes{pen: pen{sgr: sgr{
			fg: colorRGB | 0x010203, underline: 3, line: colorRGB | 0x040506,
		}}}},
		{"SGR colon without colour space", "\x1b[38:2:1:2:3;1m", modes{pen: pen{sgr: sgr{fg: colorRGB | 0x010203, attrs: attrBold}}}},
		{"SGR off", "\x1b[1;2;3;4;5;7;8;9;53;91;101m\x1b[22;23;24;25;27;28;29;55;39;49m", modes{}},
		{"SGR cut short", "\x1b[38;5m\x1b[48;2;1m", modes{}},
		{"not SGR", "\x1b[>4;2m\x1b[?4m", modes{}},
		{"save and restore", "\x1b[1m\x1b7\x1b[0m\x1b8", modes{pen: bold, screens: [2]screen{{saved: bold}}}},
		{"save and restore by 1048", "\x1b[1m\x1b[?1048h\x1b[0m\x1b[?1048l", modes{pen: bold, screens: [2]screen{{saved: bold}}}},
		{"soft reset", "\x1b[?2004;1;1000h\x1b[4h\x1b[1m\x1b[2;3r\x1b[!p", modes{mouse: 1000}},
		{"full reset", "\x1b[?1049;2004;1000h\x1b[4h\x1b[1m\x1bc", modes{}},
		{"C1 control as UTF-8", "\u009b?2004h", modes{flags: flagPaste}},
		{"bare byte is no C1 control", "\x9b?2004h", modes{}},
		{"control within a sequence", "\x1b[?20\r04h", modes{flags: flagPaste}},
		{"cancelled", "\x1b[?20\x1804h", modes{}},
		{"restarted", "\x1b[?20\x1b[?2004h", modes{flags: flagPaste}},
		{"in a title", "\x1b]2;[?2004h\x07", modes{}},
		{"in a device control string", "\x1bP[?2004h\x07[?2004h\x1b\\", modes{}},
		{"after a string ended by C1 ST", "\x1b_x\u009c\x1b[?2004h", modes{flags: flagPaste}},
		{"character breaks a sequence", "\x1b[?\u00e92004h", modes{}},
		{"too many intermediates", "\x1b[? !\"#h", modes{}},
		{"huge parameter", "\x1b[?99999999999999999999h", modes{}},
		{"many parameters", "\x1b[?" + strings.Repeat("1;", 100) + "2004h", modes{flags: flagAppCursor}},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Equal(t, c.want, tracked(24, c.in).modes)
		})
	}
}

func TestTrackerTitle(t *testing.T) {
	for in, want := range map[string]string{
		"\x1b]2;a title\x07":                               "a title",
		"\x1b]0;both\x1b\\":                                "both",
		"\x1b]1;icon\x07":                                  "",
		"\u009d2;c1\u009c":                                 "c1",
		"\x1b]2;caf\u00e9\x07":                             "caf\u00e9",
		"\x1b]2;bad \xff\xc3 bytes\x07":                    "bad  bytes",
		"\x1b]2;turned \u202e round\u2028\x7f\x07":         "turned  round",
		"\x1b]2;unfinished":                                "",
		"\x1b]2;cancelled\x18":                             "",
		"\x1b]2;one\x07\x1b]2;\x07":                        "",
		"\x1b]2x;no number\x07":                            "",
		"\x1b]2;" + strings.Repeat("\u00e9", 300) + "\x07": strings.Repeat("\u00e9", 128),
	} {
		require.Equal(t, want, tracked(24, in).Title(), "%q", in)
	}
}

func TestTrackerResizeDropsScrollRegion(t *testing.T) {
	tr := tracked(24, "\x1b[2;20r")
	tr.Resize(50)
	require.Equal(t, modes{}, tr.modes)
	tr.Write([]byte("\x1b[1;50r"))
	require.Equal(t, modes{}, tr.modes)
}

// pieces is what random streams are made of.
var pieces = []string{
	"plain text ", "line\r\n", "\n", "caf\u00e9 \u00abok\u00bb ", "\u2500\u2502\U0001f600", "\x00", "\x05", "\x07", "\x0e", "\x0f", "\t",
	"\x1b[1;31m", "\x1b[0m", "\x1b[38;5;123m", "\x1b[48:2::1:2:3m", "\x1b[58;5;3;4:3m", "\x1b[H", "\x1b[2J", "\x1b[J", "\x1b[K", "\x1b[12;40H",
	"\x1b[?1049h", "\x1b[?1049l", "\x1b[?47h", "\x1b[?1047l", "\x1b[?1048h", "\x1b[?1048l", "\x1b7", "\x1b8", "\x1b[s", "\x1b[u",
	"\x1b[?2004h", "\x1b[?2004l", "\x1b[?1000;1006h", "\x1b[?1003h", "\x1b[?1002l", "\x1b[?1004h", "\x1b[?1h", "\x1b[?1l", "\x1b=", "\x1b>",
	"\x1b[?25l", "\x1b[?25h", "\x1b[?7l", "\x1b[?6h", "\x1b[4h", "\x1b[4l", "\x1b[20h", "\x1b[3 q", "\x1b[2;10r", "\x1b[r", "\x1b(0", "\x1b(B",
	"\x1b)0", "\x1bn", "\x1bo", "\x1b~", "\x1b%G", "\x1bc", "\x1b[!p", "\x1b[?2026h", "\x1b[?2026l", "\x1b[?3;2048;1h",
	"\x1b]0;title\x07", "\x1b]2;other \u00e9\x1b\\", "\x1b]8;;http://x/?q\x07", "\x1b]52;c;?\x07", "\x1b]4;1;#fff\x07", "\u009d2;x\u009c",
	// what asks
	"\x1b[c", "\x1b[>c", "\x1b[=c", "\x1b[0c", "\x1b[5n", "\x1b[6n", "\x1b[?6n", "\x1b[?996n", "\x1b[?2004$p", "\x1b[4$p", "\x1bP$qm\x1b\\",
	"\x1bP+q544e\x1b\\", "\x1b[>q", "\x1b[>0q", "\x1b]4;1;?\x07", "\x1b]10;?\x1b\\", "\x1b]11;?\x07", "\x1b]12;?\x07", "\x1b[?u", "\x1b[14t",
	"\x1b[18t", "\x1b[21t", "\x1bZ", "\x1b[x", "\x1b_Gi=1,a=q;AAAA\x1b\\", "\u009bc", "\u009b6n", "\u009a", "\x1b[?1;1S", "\x1b[1;1;1;1;1;1*y",
	// what is broken
	"\x1b", "\x1b[", "\x1b[?", "\x1b[1", "\x1b]", "\x1b]2;", "\x1bP", "\x1bX", "\x18", "\x1a", "\xc2", "\xe2\x82", "\xf0\x9f", "\x9b", "\xff", "\x7f",
	"\x1b[\x05c", "\x1b[\x0e1m", "\x1b[ !\"p", "\x1b(\x1b", "\u009c", "\u0085",
}

func randomStream(r *rand.Rand, n int) []byte {
	var b []byte
	for len(b) < n {
		if r.IntN(8) == 0 {
			b = append(b, bytes.Repeat([]byte("filler text\r\n"), r.IntN(300))...)
		}
		b = append(b, pieces[r.IntN(len(pieces))]...)
	}
	return b
}

// view is all of a tracker that can be observed.
type view struct {
	off, due int64
	state    parseState
	need     uint8
	modes    modes
	title    string
	cleared  [2]checkpoint
	notes    [checkpoints]checkpoint
}

func (t *tracker) view() view {
	return view{t.off, t.due, t.state, t.need, t.modes, t.Title(), t.cleared, t.notes}
}

// tenth is n in the full test run, else a tenth of it.
func tenth(n int) int {
	if os.Getenv("PRUVON_FULL") != "" {
		return n
	}
	return n / 10
}

func TestTrackerSplitsDoNotMatter(t *testing.T) {
	for seed := range uint64(tenth(300)) {
		r := rand.New(rand.NewPCG(seed, 1))
		stream := randomStream(r, 1+r.IntN(60_000))
		whole, split, single := newTracker(24), newTracker(24), newTracker(24)
		whole.Write(stream)
		for rest := stream; len(rest) > 0; {
			n := 1 + r.IntN(min(len(rest), 1<<r.IntN(15)))
			split.Write(rest[:n])
			rest = rest[n:]
		}
		for i := range stream {
			single.Write(stream[i : i+1])
		}
		require.Equal(t, whole.view(), split.view(), "seed %d", seed)
		require.Equal(t, whole.view(), single.view(), "seed %d", seed)
	}
}

func TestTrackerDoesNotAllocate(t *testing.T) {
	stream := randomStream(rand.New(rand.NewPCG(1, 1)), 100_000)
	tr := newTracker(24)
	require.Zero(t, testing.AllocsPerRun(20, func() { tr.Write(stream) }))
}

func benchmarkTracker(b *testing.B, unit string) {
	p := bytes.Repeat([]byte(unit), 64<<10/len(unit))
	b.Run("fast", func(b *testing.B) {
		tr := newTracker(24)
		b.SetBytes(int64(len(p)))
		b.ReportAllocs()
		for b.Loop() {
			tr.Write(p)
		}
	})
	b.Run("bytewise", func(b *testing.B) {
		tr := newTracker(24)
		b.SetBytes(int64(len(p)))
		for b.Loop() {
			for _, c := range p {
				tr.take(c)
			}
		}
	})
}

func BenchmarkTrackerPlain(b *testing.B) {
	benchmarkTracker(b, "drwxr-xr-x 2 root root 4096 Jan  1 00:00 some-directory\r\n")
}

func BenchmarkTrackerUTF8(b *testing.B) {
	benchmarkTracker(b, "\u00ab d\u00e9j\u00e0 vu \u00bb \u2014 na\u00efve caf\u00e9, \u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\r\n")
}

func BenchmarkTrackerColoured(b *testing.B) {
	benchmarkTracker(b, "\x1b[0m\x1b[01;34msome-directory\x1b[0m  \x1b[38;5;208mother file\x1b[0m and text\r\n")
}
