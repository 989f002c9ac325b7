package ipfilter_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

// vector is one line of testdata/ipfilter.jsonl.
type vector struct {
	ID    string   `json:"id"`
	Rules []string `json:"rules"`
	IP    string   `json:"ip"`
	Want  string   `json:"want"` // nginx's verdict
	Rule  int      `json:"rule"` // -1: no rule matches
	Why   string   `json:"why"`
}

func readVectors(t testing.TB) []vector {
	f, err := os.Open("testdata/ipfilter.jsonl")
	require.NoError(t, err)
	defer f.Close()
	var vectors []vector
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var v vector
		require.NoError(t, json.Unmarshal(lines.Bytes(), &v))
		vectors = append(vectors, v)
	}
	require.NoError(t, lines.Err())
	require.NotEmpty(t, vectors)
	return vectors
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func parse(t testing.TB, lines ...string) ipfilter.Rules {
	rules, err := ipfilter.Parse(strings.NewReader(strings.Join(lines, "\n")))
	require.NoError(t, err)
	return rules
}

func newFilter(t testing.TB, lines ...string) *ipfilter.Filter {
	f, err := ipfilter.New(ipfilter.Config{Rules: parse(t, lines...), Logger: quiet})
	require.NoError(t, err)
	return f
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			f := newFilter(t, strings.Join(v.Rules, ";\n")+";")
			var d ipfilter.Decision
			if v.IP == "unix:" {
				d = f.DecideUnix()
			} else {
				d = f.Decide(netip.MustParseAddr(v.IP))
			}
			require.Equal(t, v.Rule, d.Index, v.Why)
			want := v.Want == "allow"
			if v.Rule < 0 && strings.Contains(strings.Join(v.Rules, " "), "allow") {
				want = false // nginx admits what no rule matches; a list that allows somebody does not
			}
			require.Equal(t, want, d.Allowed, v.Why)
		})
	}
}
