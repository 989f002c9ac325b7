package logs

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestQueryValues(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for raw, check := range map[string]func(q query) bool{
		"":                                func(q query) bool { return q.tail == 200 && q.follow && !q.download && q.cursor == "" },
		"tail=0":                          func(q query) bool { return q.tail == 0 },
		"tail=1000000":                    func(q query) bool { return q.tail == 1_000_000 },
		"tail=all":                        func(q query) bool { return q.tail == tailAll },
		"since=10m":                       func(q query) bool { return q.tail == tailAll && q.since.Equal(now.Add(-10*time.Minute)) },
		"since=10m&tail=5":                func(q query) bool { return q.tail == 5 },
		"since=2026-11-25T10:00:00%2B01":  nil,
		"since=2026-11-25T10:00:00+01:00": func(q query) bool { return q.since.Equal(now.Add(-3 * time.Hour)) },
		"until=2026-11-25T10:00:00Z":      func(q query) bool { return q.until.Equal(now.Add(-2 * time.Hour)) },
		"since=-10m":                      nil,
		"tail=%2B5":                       nil,
		"tail=1000001":                    nil,
		"tail=-1":                         nil,
		"follow=0&download=1":             func(q query) bool { return !q.follow && q.download },
		"level=warning":                   func(q query) bool { return q.level == LevelWarn },
		"cursor=a&to=b":                   func(q query) bool { return q.cursor == "a" && q.to == "b" },
		"to=b":                            func(q query) bool { return q.to == "b" },
		"grep=a&grep=b":                   nil,
	} {
		q, err := parseQuery(&http.Request{URL: &url.URL{RawQuery: raw}, Header: http.Header{}}, now)
		if check == nil {
			require.Error(t, err, raw)
			continue
		}
		require.NoError(t, err, raw)
		require.True(t, check(q), "%s: %+v", raw, q)
	}
}

// A browser that reconnects by itself uses the URL that it was opened with and
// says in a header where it was.
func TestLastEventIDIsNewerThanTheCursor(t *testing.T) {
	t.Parallel()
	r := &http.Request{URL: &url.URL{RawQuery: "cursor=old"}, Header: http.Header{"Last-Event-Id": {"new"}}}
	q, err := parseQuery(r, time.Now())
	require.NoError(t, err)
	require.Equal(t, "new", q.cursor)
}
