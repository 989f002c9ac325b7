package ipfilter_test

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

func temporary(allow bool, prefix string, d time.Duration) ipfilter.Rule {
	return ipfilter.Rule{Allow: allow, Prefix: netip.MustParsePrefix(prefix), Until: time.Now().Add(d), Name: "ticket 7"}
}

func TestTemporaryEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFilter(t, "allow 10.0.0.0/8;", "deny all;")
		on, road := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("192.0.2.1")

		require.NoError(t, f.AddTemporary(temporary(true, "192.0.2.1/32", time.Hour)))
		require.NoError(t, f.AddTemporary(temporary(false, "::ffff:10.0.0.9/120", 2*time.Hour)))
		d := f.Decide(road)
		require.True(t, d.Allowed)
		require.Equal(t, ipfilter.ReasonTemporary, d.Reason)
		require.Equal(t, "ticket 7", d.Rule.Name)
		require.False(t, f.Decide(on).Allowed, "a temporary entry comes before the list")
		require.True(t, f.Decide(netip.MustParseAddr("10.0.1.1")).Allowed)

		// It outlives another list.
		require.NoError(t, f.SetRules(parse(t, "deny all;")))
		require.True(t, f.Decide(road).Allowed)
		require.NoError(t, f.SetRules(parse(t, "allow 10.0.0.0/8;")))

		// The newest comes first, and replaces the one for the same prefix.
		require.NoError(t, f.AddTemporary(temporary(false, "192.0.2.0/24", time.Minute)))
		require.False(t, f.Decide(road).Allowed)
		require.NoError(t, f.AddTemporary(temporary(true, "192.0.2.0/24", time.Minute)))
		require.True(t, f.Decide(road).Allowed)
		require.Len(t, f.Temporary(), 3)
		require.Equal(t, "allow 192.0.2.0/24;", f.Temporary()[0].String())

		time.Sleep(time.Hour - time.Nanosecond)
		require.True(t, f.Decide(road).Allowed)
		require.Len(t, f.Temporary(), 2)
		time.Sleep(time.Nanosecond)
		require.False(t, f.Decide(road).Allowed, "it ends at its time, without anybody's help")
		require.False(t, f.Decide(on).Allowed)

		require.False(t, f.RemoveTemporary(netip.MustParsePrefix("10.0.0.0/25")))
		require.True(t, f.RemoveTemporary(netip.MustParsePrefix("10.0.0.7/24")))
		require.True(t, f.Decide(on).Allowed)
		require.False(t, f.RemoveTemporary(netip.MustParsePrefix("10.0.0.0/24")))
		require.Empty(t, f.Temporary())
	})
}

func TestTemporaryEntriesAreChecked(t *testing.T) {
	f, err := ipfilter.New(ipfilter.Config{Rules: parse(t, "deny all;"), MaxTemporary: 2, Logger: quiet})
	require.NoError(t, err)
	all := temporary(true, "10.0.0.0/8", time.Hour)
	all.Kind = ipfilter.All
	forever := temporary(true, "10.0.0.0/8", time.Hour)
	forever.Until = time.Time{}
	for want, r := range map[string]ipfilter.Rule{
		"valid prefix":  all,
		"needs a valid": {Until: time.Now().Add(time.Hour)},
		"needs an expi": forever,
		"has passed":    temporary(true, "10.0.0.0/8", -time.Second),
		"shorter than":  temporary(true, "::ffff:10.0.0.0/90", time.Hour),
	} {
		require.ErrorContains(t, f.AddTemporary(r), want)
	}
	require.NoError(t, f.AddTemporary(temporary(true, "10.0.0.1/32", time.Hour)))
	require.NoError(t, f.AddTemporary(temporary(true, "10.0.0.2/32", time.Hour)))
	require.ErrorContains(t, f.AddTemporary(temporary(true, "10.0.0.3/32", time.Hour)), "2 temporary entries already")
	require.NoError(t, f.AddTemporary(temporary(false, "10.0.0.2/32", time.Hour)), "a replacement is no addition")

	off, err := ipfilter.New(ipfilter.Config{Rules: parse(t, "deny all;"), MaxTemporary: -1, Logger: quiet})
	require.NoError(t, err)
	require.Error(t, off.AddTemporary(temporary(true, "10.0.0.1/32", time.Hour)))
}
