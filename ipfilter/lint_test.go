package ipfilter_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

func TestLint(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name  string
		lines []string
		want  []string // "line/other line: part of the text"
	}{
		{"clean", []string{"allow 10.20.30.0/24;", "allow 2001:db8::/32;", "deny all;"}, nil},
		{"empty", []string{"# nothing"}, []string{"0/0: the list is empty"}},
		{"host bits", []string{"allow 10.20.30.77/24;", "deny all;"}, []string{"1/0: has host bits set and means 10.20.30.0/24"}},
		{"repeated", []string{"allow 10.0.0.1;", "", "allow 10.0.0.1/32;", "deny all;"}, []string{`3/1: repeats "allow 10.0.0.1;" in line 1`}},
		{"repeated with host bits", []string{"deny 10.9.9.9/8;", "deny 10.0.0.0/8;", "deny all;"}, []string{"1/0: has host bits", "2/1: repeats"}},
		{"contradiction", []string{"allow 10.0.0.1;", "deny 10.0.0.1;", "deny all;"}, []string{"2/1: contradicts"}},
		{"shadowed", []string{"allow 10.0.0.0/8;", "deny 10.20.30.0/24;", "allow 10.20.30.5;", "deny all;"}, []string{"2/1: never decides", "3/1: never decides"}},
		{"after deny all", []string{"deny all;", "allow 10.0.0.1;", "deny all;", "allow unix:;"}, []string{"2/1: never decides", "3/1: repeats", "4/1: never decides"}},
		{"allow all", []string{"allow all;"}, []string{"1/0: admits everybody"}},
		{"an exception first is fine", []string{"deny 10.20.30.5;", "allow 10.20.30.0/24;", "deny all;"}, nil},
		{"unix repeated", []string{"allow unix:;", "deny unix:;", "deny all;"}, []string{"2/1: contradicts"}},
		{"IPv6 left open", []string{"deny 10.0.0.1;", "deny 0.0.0.0/0;"}, []string{`2/0: leaves IPv6 open; write "deny all;"`}},
		{"IPv6 left open by nginx", []string{"allow 10.0.0.1;", "deny 0.0.0.0/0;"}, []string{"2/0: leaves IPv6 open in nginx"}},
		{"both families", []string{"allow 10.0.0.1;", "deny 0.0.0.0/0;", "deny ::/0;"}, nil},
		{"no deny all", []string{"allow 10.0.0.1;"}, []string{`0/0: the list does not end in "deny all;"`}},
		{"only denies", []string{"deny 10.0.0.1;"}, []string{"0/0: the list only denies"}},
		{"mapped", []string{"allow ::ffff:10.20.30.0/120;", "deny ::ffff:10.0.0.1;", "deny ::ffff:0:0/95;", "deny all;"}, []string{
			"1/0: admits nobody, here and in nginx; write 10.20.30.0/24", "2/0: nginx lets these clients pass",
			"3/0: matches no IPv4 client",
		}},
		{"expired", []string{"allow 10.0.0.1; # ann until=2026-11-30", "deny all;"}, []string{"1/0: expired at 2026-11-30T00:00:00Z"}},
		{"a rule behind one that ends sooner decides later", []string{"allow 10.0.0.0/8; # until=2026-12-31", "deny 10.0.0.1;", "deny all;"}, nil},
		{"a rule behind one that lives longer", []string{"allow 10.0.0.0/8; # until=2026-12-31", "deny 10.0.0.1; # until=2026-12-30", "deny all;"}, []string{"2/1: never decides"}},
		{"a rule that lives longer than the one before", []string{"allow 10.0.0.0/8; # until=2026-12-30", "deny 10.0.0.1; # until=2026-12-31", "deny all;"}, nil},
		{"an expired rule shadows nothing", []string{"deny 10.0.0.0/8; # until=2026-11-30", "allow 10.0.0.1;", "deny all;"}, []string{"1/0: expired"}},
		{"wide", []string{"allow 0.0.0.0/0;", "allow ::/0;"}, []string{"1/0: admits all of IPv4", "2/0: admits all of IPv6"}},
		{"loopback", []string{"allow 127.0.0.0/8;", "allow ::1;", "deny 127.0.0.1;", "deny all;"}, []string{"1/0: admits every local process", "2/0: admits every local process", "3/1: never decides"}},
		{"broadcast", []string{"allow 255.255.255.255;", "deny all;"}, []string{"1/0: is an error to nginx"}},
		{"a word that looks like an expiry", []string{"allow 10.0.0.1; # ann Until 2026-12-31", "deny all;"}, []string{"1/0: looks like an expiry"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := parse(t, tt.lines...).Lint(now)
			require.Len(t, got, len(tt.want), "%v", got)
			for i, w := range got {
				require.Equal(t, w.Rule < 0, w.Line == 0)
				var line, other int
				var text string
				line, other, text = splitWant(t, tt.want[i])
				require.Equal(t, line, w.Line)
				require.Equal(t, other, w.OtherLine)
				require.Contains(t, w.Text, text)
			}
		})
	}
}

func splitWant(t *testing.T, want string) (line, other int, text string) {
	n, err := fmt.Sscanf(want, "%d/%d:", &line, &other)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	return line, other, want[len(fmt.Sprintf("%d/%d: ", line, other)):]
}

func TestLintNamesTheFile(t *testing.T) {
	rules := ipfilter.Rules{
		{Allow: true, Prefix: netip.MustParsePrefix("10.0.0.1/8"), File: "allow.conf", Line: 7},
		{Kind: ipfilter.All},
		{Kind: ipfilter.All},
	}
	got := rules.Lint(time.Now())
	require.Len(t, got, 2)
	require.Equal(t, `allow.conf:7: "allow 10.0.0.1/8;" has host bits set and means 10.0.0.0/8`, got[0].String())
	require.Equal(t, `"deny all;" repeats "deny all;"`, got[1].String())
	require.Equal(t, 1, got[1].Other)
}
