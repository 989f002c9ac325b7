package logs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/pruvon/pruvon/logs"
	"github.com/stretchr/testify/require"
)

// value is a series' value; NaN-free, so a missing one fails the test.
func value(t testing.TB, reg *prometheus.Registry, series string) float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		for _, m := range f.Metric {
			name := f.GetName()
			var labels []string
			for _, l := range m.Label {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			if name == series {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no series %s", series)
	return 0
}

func TestMetricsExistFromTheStartAndCount(t *testing.T) {
	t.Parallel()
	l := newLog(t, "a")
	reg := prometheus.NewRegistry()
	cfg := logs.Config{Sources: map[string]logs.Source{"app": logs.File(l.path)}, Registerer: reg, Linger: -1}
	s := serve(t, cfg)
	serve(t, cfg) // registering twice reuses
	for _, series := range []string{
		"pruvon_logs_viewers{log=app}", "pruvon_logs_sources_following{log=app}", "pruvon_logs_children",
		"pruvon_logs_altered_lines_total{how=redacted,log=app}", "pruvon_logs_altered_lines_total{how=cut,log=app}",
		"pruvon_logs_altered_lines_total{how=invalid_utf8,log=app}", "pruvon_logs_altered_lines_total{how=control,log=app}",
		"pruvon_logs_source_events_total{log=app,state=rotated}", "pruvon_logs_gaps_total{why=slow}",
		"pruvon_logs_resumes_total{result=exact}", "pruvon_logs_viewers_dropped_total{reason=slow}",
	} {
		require.Zero(t, value(t, reg, series), series)
	}
	c := s.dial("")
	c.lines(1)
	require.EqualValues(t, 1, value(t, reg, "pruvon_logs_viewers{log=app}"))
	eventually(t, func() bool { return value(t, reg, "pruvon_logs_sources_following{log=app}") == 1 })
	l.add("b", "c")
	c.lines(2)
	l.rename(".1")
	l.reopen()
	l.add("d")
	cursor := c.cursorAfter(1)
	require.EqualValues(t, 3, value(t, reg, "pruvon_logs_read_lines_total{log=app}"))
	require.EqualValues(t, 3, value(t, reg, "pruvon_logs_read_bytes_total{log=app}"))
	eventually(t, func() bool { return value(t, reg, "pruvon_logs_sent_lines_total{transport=websocket}") == 4 })
	s.resumed(cursor)
	eventually(t, func() bool { return value(t, reg, "pruvon_logs_resumes_total{result=exact}") == 1 })
	c.cancel()
	eventually(t, func() bool { return value(t, reg, "pruvon_logs_viewers{log=app}") == 1 })
}

func TestLingerKeepsTheSourceForAReload(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	s := serve(t, logs.Config{
		Sources:    map[string]logs.Source{"app": shell(`echo $$; sleep 1000`)},
		Registerer: reg, Linger: 500 * time.Millisecond,
	})
	c := s.dial("")
	pid := c.lines(1)[0]
	c.cancel()
	eventually(t, func() bool { return value(t, reg, "pruvon_logs_viewers{log=app}") == 0 })
	again := s.dial("")
	require.Equal(t, pid, again.lines(1)[0], "the same run")
	require.EqualValues(t, 1, value(t, reg, "pruvon_logs_children"))
	again.cancel()
	eventually(t, func() bool { return value(t, reg, "pruvon_logs_children") == 0 })
	eventually(t, func() bool { return !running(pid) })
}
