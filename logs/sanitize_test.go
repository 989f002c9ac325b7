package logs_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

func TestSanitizeMakesVisible(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"plain":                       {"GET / 200", "GET / 200"},
		"tab and colour pass":         {"a\t\x1b[1;31mred\x1b[0m", "a\t\x1b[1;31mred\x1b[0m"},
		"colon colour passes":         {"\x1b[38:2::1:2:3mx", "\x1b[38:2::1:2:3mx"},
		"OSC 52 clipboard":            {"\x1b]52;c;aGk=\x07", "␛]52;c;aGk=␇"},
		"OSC 0 title":                 {"\x1b]0;owned\x1b\\", "␛]0;owned␛\\"},
		"OSC 8 link":                  {"\x1b]8;;javascript:alert(1)\x07x", "␛]8;;javascript:alert(1)␇x"},
		"DECRQSS CVE-2019-0542":       {"\x1bP$q\"p\x1b\\", "␛P$q\"p␛\\"},
		"title report CVE-2003-0063":  {"\x1b[21t", "␛[21t"},
		"cursor movement":             {"\x1b[2J\x1b[H", "␛[2J␛[H"},
		"lone CR overwrites":          {"good\rbad", "good␍bad"},
		"C1 CSI":                      {"\u009b31m", `\u009b31m`},
		"raw C1 byte":                 {"\x9b31m", `\x9b31m`},
		"bidi CVE-2021-42574":         {"a\u202eb\u2066c", `a\u202eb\u2066c`},
		"line separators":             {"a\u2028b\u2029c", `a\u2028b\u2029c`},
		"invalid UTF-8":               {"a\xff\xfeb", `a\xff\xfeb`},
		"NUL and DEL":                 {"\x00\x7f", "␀␡"},
		"BOM":                         {"\ufeffx", `\ufeffx`},
		"tag characters":              {"\U000e0041", `\U0e0041`},
		"truncated escape":            {"\x1b[", "␛["},
		"SGR too long":                {"\x1b[" + string(bytes.Repeat([]byte("1"), 70)) + "m", "␛[" + string(bytes.Repeat([]byte("1"), 70)) + "m"},
		"SGR with another final byte": {"\x1b[1;2R", "␛[1;2R"},
		"emoji with joiner":           {"👩\u200d💻", "👩\u200d💻"},
		"quotes and backslash":        {`"a\b"`, `"a\b"`},
	} {
		t.Run(name, func(t *testing.T) {
			got := logs.SanitizeText(nil, []byte(c.in))
			require.Equal(t, c.want, string(got))
			checkSanitized(t, []byte(c.in))
		})
	}
}

// The first and the last of each range of hidden characters, and their
// neighbours, which pass: U+200D joins emoji, U+FFFD is a character of its own.
func TestHiddenCharactersAndTheirNeighbours(t *testing.T) {
	t.Parallel()
	for _, r := range []rune{
		0x80, 0x9f, 0xad, 0x61c, 0x180e, 0x200b, 0x200c, 0x200e, 0x200f, 0x2028, 0x202e, 0x2060, 0x206f,
		0xfeff, 0xfff9, 0xfffb, 0xe0000, 0xe007f,
	} {
		in := "a" + string(r) + "b"
		require.Regexp(t, `^a\\[uU][0-9a-f]+b$`, string(logs.SanitizeText(nil, []byte(in))), "%U", r)
	}
	for _, r := range []rune{
		0xa0, 0xac, 0xae, 0x61b, 0x61d, 0x180d, 0x180f, 0x200a, 0x200d, 0x2010, 0x2027, 0x202f, 0x205f, 0x2070,
		0xfefe, 0xfff8, 0xfffc, 0xfffd, 0xdffff, 0xe0080,
	} {
		in := "a" + string(r) + "b"
		require.Equal(t, in, string(logs.SanitizeText(nil, []byte(in))), "%U", r)
	}
	longest := "\x1b[" + strings.Repeat("1", 61) + "m"
	require.Equal(t, longest, string(logs.SanitizeText(nil, []byte(longest))))
}

// checkSanitized holds what is promised of any input.
func checkSanitized(t *testing.T, in []byte) {
	t.Helper()
	out := logs.SanitizeText(nil, in)
	require.True(t, utf8.Valid(out))
	require.LessOrEqual(t, len(out), 4*len(in))
	require.Equal(t, string(out), string(logs.SanitizeText(nil, out)), "sanitizing twice changes nothing")
	for i, c := range out {
		if c < 0x20 && c != '\t' && c != 0x1b || c == 0x7f {
			t.Fatalf("control byte %#x at %d of %q", c, i, out)
		}
	}
	enc := logs.SanitizeJSON(nil, in)
	var s string
	require.NoError(t, json.Unmarshal(append(append([]byte{'"'}, enc...), '"'), &s))
	require.Equal(t, string(out), s, "the JSON form is the same text")
	require.Equal(t, string(out), string(logs.Unescape(nil, enc)))
	require.NotContains(t, string(enc), "\n")
	require.NotContains(t, string(enc), "\r")
}

func FuzzSanitize(f *testing.F) {
	f.Add([]byte("a\x1b[31mb\x1b]0;t\x07\xff\u202e\"\\"))
	f.Add([]byte("\x1b[1m\u2028\x9b"))
	f.Fuzz(func(t *testing.T, in []byte) { checkSanitized(t, bytes.ReplaceAll(in, []byte("\n"), nil)) })
}
