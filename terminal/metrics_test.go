package terminal_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/terminal"
)

// series returns every sample by name and labels; of a histogram the count.
func series(t testing.TB, reg prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "pruvon_terminal_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			switch {
			case m.GetGauge() != nil:
				all[name] = m.GetGauge().GetValue()
			case m.GetCounter() != nil:
				all[name] = m.GetCounter().GetValue()
			default:
				all[name] = float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return all
}

// The metrics tell what has happened, and come back to where they were.
func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	f := newFake("")
	s := serve(t, opened(f), func(c *terminal.Config) { c.Registerer = reg })
	at := func(name string, want float64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%s is %v", name, want), func() bool {
			got, known := series(t, reg)[name]
			require.True(t, known, name)
			return got == want
		})
	}
	for _, name := range []string{
		"sessions", "attachments writer", "attachments viewer", "spawn_seconds", "survivors_total", "discarded_input_bytes_total",
		"unrecorded_bytes_total", "window_blocked_seconds_total", "resumes_total exact", "resumes_total reset",
		"transferred_bytes_total input", "transferred_bytes_total output", "ends_total exited", "ends_total killed",
		"ends_total idle", "ends_total lifetime", "ends_total revoked", "ends_total detached", "ends_total shutdown",
		"ends_total start_failed", "ends_total fault",
	} {
		at(name, 0)
	}

	c := s.open(`{"type":"hello","cols":80,"rows":24,"client":"c"}`)
	at("sessions", 1)
	at("spawn_seconds", 1)
	at("attachments writer", 1)
	c.typed("hello")
	c.shows("HELLO")
	at("transferred_bytes_total input", 5)
	at("transferred_bytes_total output", 5)
	v := s.join(c, "")
	at("resumes_total reset", 1)
	at("attachments viewer", 1)
	v.typed("no")
	at("discarded_input_bytes_total", 2)
	v.send(`{"type":"take"}`)
	v.until("role", func() bool { return v.has("role") != nil })
	at("attachments writer", 1)
	at("attachments viewer", 1)
	_ = v.ws.CloseNow()
	at("attachments writer", 0)
	_ = c.ws.CloseNow()
	at("attachments viewer", 0)
	at("sessions", 1) // it waits for somebody to come back
	again := s.join(c, fmt.Sprintf(`,"client":"c","offset":%d`, c.offset))
	at("resumes_total exact", 1)
	again.typed("quit")
	again.ended()
	at("ends_total exited", 1)
	at("survivors_total", 2)
	at("sessions", 0)
	at("attachments writer", 0)
	at("transferred_bytes_total input", 9)
}
