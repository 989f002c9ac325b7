package ipfilter_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

func TestParse(t *testing.T) {
	rules := parse(t,
		"# operators",
		"\tallow 100.64.12.0/24; # Tailscale / VPN range",
		"allow 10.20.30.0/24;# office until=2026-12-31T00:00Z",
		"allow 203.0.113.10; allow \"2001:db8::1\"; # ann  and  bob",
		"deny",
		"  'unix:'",
		"  ;",
		"# allow 192.0.2.1; # until=2026-12-31",
		"allow # not the name of a rule",
		"  192.0.2.1 ; # carl until=2026-12-31T12:30:15.5+02:00",
		"allow 192.0.2.2; # until=2026-12-31",
		"deny all;\r",
	)
	want := []struct {
		text, name, until string
		line              int
	}{
		{"allow 100.64.12.0/24;", "Tailscale / VPN range", "", 2},
		{"allow 10.20.30.0/24;", "office", "2026-12-31T00:00:00Z", 3},
		{"allow 203.0.113.10;", "ann and bob", "", 4},
		{"allow 2001:db8::1;", "ann and bob", "", 4},
		{"deny unix:;", "", "", 5},
		{"allow 192.0.2.1;", "carl", "2026-12-31T10:30:15.5Z", 9},
		{"allow 192.0.2.2;", "", "2026-12-31T00:00:00Z", 11},
		{"deny all;", "", "", 12},
	}
	require.Len(t, rules, len(want))
	for i, w := range want {
		r := rules[i]
		require.Equal(t, w.text, r.String())
		require.Equal(t, w.name, r.Name, w.text)
		require.Equal(t, w.line, r.Line, w.text)
		until := ""
		if !r.Until.IsZero() {
			until = r.Until.Format(time.RFC3339Nano)
		}
		require.Equal(t, w.until, until, w.text)
		require.Equal(t, fmt.Sprintf("line %d", w.line), r.Position())
	}
}

func TestParseFaults(t *testing.T) {
	for text, want := range map[string]string{
		"allow 10.0.0.0/33;":                 `line 1: allow "10.0.0.0/33": the mask must be a number from 0 to 32`,
		"allow ::/129;":                      "from 0 to 128",
		"allow 10.0.0.0/;":                   "the mask must be",
		"allow 10.0.0.0/08;":                 "the mask must be",
		"allow 10.0.0.0/-1;":                 "the mask must be",
		"allow 10.0.0.0/255.0.0.0;":          "the mask must be",
		"allow 10.0.0.0/8/8;":                "the mask must be",
		"\n\nallow 010.20.30.5;":             "line 3: allow \"010.20.30.5\": a number with leading zeros",
		"allow 10.20..5;":                    "not an address",
		"allow 10.1;":                        "not an address",
		"allow localhost;":                   "not an address",
		"allow ALL;":                         "not an address",
		"allow unix:/run/x;":                 "not an address",
		"allow [::1];":                       "not an address",
		"allow 10.0.0.1:80;":                 "not an address",
		"allow fe80::1%eth0;":                "a zone has no meaning",
		"allow \"\";":                        "not an address",
		"allow;":                             "allow takes one argument, not 0",
		"allow 10.0.0.1 10.0.0.2;":           "allow takes one argument, not 2",
		"allow 10.0.0.1\ndeny all;":          `line 1: allow takes one argument, not 3: is a ";" missing?`,
		"allow 10.0.0.1;\ndeny all":          `line 2: the file ends before the "deny" statement does`,
		"Allow 10.0.0.1;":                    `unknown directive "Allow"`,
		"satisfy any;":                       `unknown directive "satisfy"`,
		"include more.conf;":                 `unknown directive "include"`,
		"allow 10.0.0.1;;":                   `unexpected ";"`,
		"location / { allow all; }":          `unexpected '{'`,
		"allow 10.0.0.1; }":                  `unexpected '}'`,
		"allow 10.0.0.1\\;":                  `unexpected character '\\'`,
		"allow \"10.0.0.1;\ndeny all;":       "a quoted word does not end on its line",
		"allow '10.0.0.1":                    "a quoted word does not end",
		"allow '10.0.0.1'x;":                 "after a quoted word",
		"allow '10.0.0.1\\';":                `unexpected character '\\'`,
		"allow 10.0.0.1#office;":             "not an address", // nginx: no comment inside a word
		"allow 10.0.0.1\x00;":                `unexpected character '\x00'`,
		"\xef\xbb\xbfallow all;":             "byte order mark",
		"allow 10.0.0.1; # until=tomorrow":   "until=tomorrow is not a time",
		"allow 10.0.0.1; # until=":           "until= is not a time",
		"allow 10.0.0.1; # until=2026-13-01": "is not a time",
		"allow 10.0.0.1; # until=0001-01-01": "is not a time",
		"allow 10.0.0.1; # until=2026-12-31 a until=2027-12-31": "until= stands twice",
		"allow " + strings.Repeat("x", 1000) + ";":              strings.Repeat("x", 64) + "…",
	} {
		rules, err := ipfilter.Parse(strings.NewReader(text))
		require.ErrorContains(t, err, want, "%q", text)
		require.Nil(t, rules)
		var pe *ipfilter.ParseError
		require.ErrorAs(t, err, &pe)
		require.Positive(t, pe.Line)
	}
}

func TestParseReportsAllFaults(t *testing.T) {
	_, err := ipfilter.Parse(strings.NewReader("allow x;\nallow all;\ndeny y;\n" + strings.Repeat("bad;\n", 100)))
	require.ErrorContains(t, err, "line 1:")
	require.ErrorContains(t, err, "line 3:")
	require.Len(t, strings.Split(err.Error(), "\n"), 20)
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestParseReaderFails(t *testing.T) {
	_, err := ipfilter.Parse(failingReader{})
	require.ErrorContains(t, err, "disk on fire")
	_, err = ipfilter.Parse(io.LimitReader(zeros{}, 65<<20))
	require.ErrorContains(t, err, "larger than 64 MiB")
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestParseNamesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "allow.conf")
	require.NoError(t, os.WriteFile(path, []byte("allow all;\nallow x;\n"), 0o600))
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	_, err = ipfilter.Parse(f)
	require.ErrorContains(t, err, path+":2: ")
	_, err = ipfilter.Load(path)
	require.ErrorContains(t, err, path+":2: ")
}

// A name comes from a file that somebody edits; it ends up in logs.
func TestNamesAreBounded(t *testing.T) {
	rules := parse(t, "allow all; # "+strings.Repeat("é", 100)+"\xff")
	require.LessOrEqual(t, len(rules[0].Name), 128)
	require.Equal(t, strings.Repeat("é", 64), rules[0].Name)
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"allow 10.20.30.0/24; # office until=2026-12-31T00:00Z\ndeny all;", "allow\n::1 # x\n;", "deny 'unix:';", "allow \"", "# ;", "\xef\xbb\xbf",
		"allow ::ffff:10.0.0.0/104;", "deny 0.0.0.0/0;;", "allow 10.0.0.1#x;", "{", "allow 1.1.1.1; deny 2.2.2.2; # both until=2030-01-01",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := ipfilter.Parse(strings.NewReader(text))
		if err != nil {
			var pe *ipfilter.ParseError
			if !errors.As(err, &pe) || pe.Line < 1 || pe.Line > strings.Count(text, "\n")+1 {
				t.Fatalf("%q: %v has no place", text, err)
			}
			return
		}
		if err := rules.Validate(); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		// Written out and read again it is the same list, decision for decision.
		var out strings.Builder
		for _, r := range rules {
			fmt.Fprintf(&out, "%s # %s", r, strings.ReplaceAll(r.Name, "until", ""))
			if !r.Until.IsZero() {
				fmt.Fprintf(&out, " until=%s", r.Until.Format(time.RFC3339Nano))
			}
			out.WriteByte('\n')
		}
		again, err := ipfilter.Parse(strings.NewReader(out.String()))
		if err != nil || len(again) != len(rules) {
			t.Fatalf("%q became %q: %v", text, out.String(), err)
		}
		for i := range rules {
			if again[i].String() != rules[i].String() || !again[i].Until.Equal(rules[i].Until) {
				t.Fatalf("%v became %v", rules[i], again[i])
			}
		}
		_ = rules.Lint(time.Unix(0, 0))
	})
}
