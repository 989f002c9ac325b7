package ipfilter_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/ipfilter"
	"github.com/stretchr/testify/require"
)

func request(remote string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	return r
}

func status(f *ipfilter.Filter, r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	f.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })).ServeHTTP(rec, r)
	return rec
}

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		lines  string
		remote string
		want   int
	}{
		{"allow 10.20.30.0/24; deny all;", "10.20.30.5:1", 204},
		{"allow 10.20.30.0/24; deny all;", "[::ffff:10.20.30.5]:1", 204},
		{"allow 10.20.30.0/24; deny all;", "10.20.31.5:1", 403},
		{"allow fe80::/10; deny all;", "[fe80::1%eth0]:1", 204},
		{"allow unix:; deny all;", "@", 204},
		{"allow unix:; deny all;", "/run/client", 204},
		{"allow 10.0.0.0/8; deny all;", "@", 403},
		{"allow all;", "@", 204},
		{"allow all;", "", 403}, // no address, whatever the list says
		{"allow all;", "localhost:80", 403},
		{"allow all;", "bufconn", 403},
	} {
		require.Equal(t, tt.want, status(newFilter(t, tt.lines), request(tt.remote)).Code, "%s from %q", tt.lines, tt.remote)
	}
}

// The client learns that it is denied. The log, the hook and the audit trail learn by which rule.
func TestDenialNamesTheRuleButNotToTheClient(t *testing.T) {
	var log bytes.Buffer
	var events []ipfilter.Event
	var hooked []ipfilter.Decision
	rules := parse(t, "allow 10.20.30.0/24; # office", "", "deny 192.0.2.0/24; # scanners", "deny all;")
	for i := range rules {
		rules[i].File = "allow.conf"
	}
	f, err := ipfilter.New(ipfilter.Config{
		Rules:  rules,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Audit:  func(_ context.Context, e ipfilter.Event) { events = append(events, e) },
		OnDeny: func(r *http.Request, addr netip.Addr, d ipfilter.Decision) {
			require.Equal(t, "192.0.2.9:1", r.RemoteAddr)
			require.Equal(t, "192.0.2.9", addr.String())
			hooked = append(hooked, d)
		},
	})
	require.NoError(t, err)

	rec := status(f, request("192.0.2.9:1"))
	require.Equal(t, http.StatusForbidden, rec.Code)
	require.Equal(t, "application/problem+json", rec.Header().Get("Content-Type"))
	require.Contains(t, rec.Body.String(), "urn:pruvon:problem:address-denied")
	for _, hidden := range []string{"scanners", "192.0.2", "allow.conf", "office"} {
		require.NotContains(t, rec.Body.String(), hidden)
	}
	const text = `192.0.2.9 is denied by "deny 192.0.2.0/24;" at allow.conf:3 (scanners)`
	require.Contains(t, log.String(), strings.ReplaceAll(text, `"`, `\"`))
	require.Equal(t, []ipfilter.Event{{
		Part: "ipfilter", Kind: "address", Addr: netip.MustParseAddr("192.0.2.9"), Name: "scanners", ID: "allow.conf:3",
		Outcome: "denied", Detail: text,
	}}, events)
	require.Len(t, hooked, 1)
	require.Equal(t, 1, hooked[0].Index)

	err = f.Check(request("192.0.2.9:1"))
	require.EqualError(t, err, "ipfilter: "+text)
	require.ErrorIs(t, err, gate.ErrDenied)
	var denied *ipfilter.DeniedError
	require.ErrorAs(t, err, &denied)
	require.Equal(t, "scanners", denied.Decision.Rule.Name)
	require.NoError(t, f.Check(request("10.20.30.5:1")))
}

func TestDenialsInWords(t *testing.T) {
	for lines, want := range map[string]string{
		"":                     "192.0.2.9 is denied: the allowlist is empty",
		"allow 10.0.0.0/8;":    "192.0.2.9 is denied: no rule allows it",
		"deny all;":            `192.0.2.9 is denied by "deny all;" at line 1`,
		"deny 192.0.2.9; # me": `192.0.2.9 is denied by "deny 192.0.2.9;" at line 1 (me)`,
	} {
		require.EqualError(t, newFilter(t, lines).Check(request("192.0.2.9:1")), "ipfilter: "+want)
	}
	require.EqualError(t, newFilter(t, "allow all;").Check(request("")), "ipfilter: a client without a known address is denied")
}

func TestClientIP(t *testing.T) {
	answer, failure := netip.Addr{}, error(nil)
	f, err := ipfilter.New(ipfilter.Config{
		Rules: parse(t, "allow all;"), Logger: quiet,
		ClientIP: func(*http.Request) (netip.Addr, error) { return answer, failure },
	})
	require.NoError(t, err)
	require.Equal(t, 403, status(f, request("10.0.0.1:1")).Code, "no address")
	answer = netip.MustParseAddr("192.0.2.1")
	require.Equal(t, 204, status(f, request("10.0.0.1:1")).Code)
	failure = errors.New("broken chain")
	require.Equal(t, 403, status(f, request("10.0.0.1:1")).Code, "an address that comes with an error is none")
}

func TestReportOnly(t *testing.T) {
	var log bytes.Buffer
	var events []ipfilter.Event
	hooked := 0
	reg := prometheus.NewRegistry()
	f, err := ipfilter.New(ipfilter.Config{
		Rules: parse(t, "deny all;"), ReportOnly: true, Registerer: reg,
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
		OnDeny: func(_ *http.Request, _ netip.Addr, d ipfilter.Decision) { require.False(t, d.Allowed); hooked++ },
		Audit:  func(_ context.Context, e ipfilter.Event) { events = append(events, e) },
	})
	require.NoError(t, err)
	require.Equal(t, 204, status(f, request("192.0.2.9:1")).Code)
	require.Equal(t, 204, status(f, request("")).Code)
	require.False(t, f.Decide(netip.MustParseAddr("192.0.2.9")).Allowed, "the decision itself is not changed")
	require.Equal(t, 2, hooked)
	require.Len(t, events, 2)
	require.Equal(t, "would_deny", events[0].Outcome)
	require.Contains(t, log.String(), "report_only=true")
	require.Equal(t, 2.0, decisions(t, reg, "would_deny"))
	require.Equal(t, 0.0, decisions(t, reg, "denied"))
}

func decisions(t *testing.T, reg *prometheus.Registry, verdict string) float64 {
	return metric(t, reg, "pruvon_ipfilter_decisions_total", verdict)
}

// metric returns the value of the one series of the name, or of the one with the verdict.
func metric(t *testing.T, reg *prometheus.Registry, name, verdict string) float64 {
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if verdict == "" || m.GetLabel()[0].GetValue() == verdict {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("no series %s %s", name, verdict)
	return 0
}

func TestMetrics(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	cfg := ipfilter.Config{Rules: parse(t, "allow 10.0.0.0/8;", "deny all;"), Logger: quiet, Registerer: reg}
	f, err := ipfilter.New(cfg)
	require.NoError(t, err)
	const series = 4 + 2 + 2 // all exist from the start
	n, err := testutil.GatherAndCount(reg)
	require.NoError(t, err)
	require.Equal(t, series, n)

	_, err = ipfilter.New(cfg)
	require.NoError(t, err, "registering twice reuses")
	for range 1000 {
		_ = f.Check(request("10.0.0.1:1"))
		_ = f.Check(request("192.0.2.1:1"))
		_ = f.Check(request("nowhere"))
	}
	for verdict, want := range map[string]float64{"allowed": 1000, "denied": 1000, "no_address": 1000, "would_deny": 0} {
		require.Equal(t, want, decisions(t, reg, verdict), verdict)
	}
	n, err = testutil.GatherAndCount(reg)
	require.NoError(t, err)
	require.Equal(t, series, n, "no request makes a series")
	problems, err := testutil.GatherAndLint(reg)
	require.NoError(t, err)
	require.Empty(t, problems)

	clash := prometheus.NewRegistry()
	clash.MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "pruvon_ipfilter_rules_age_seconds", Help: "another"}))
	cfg.Registerer = clash
	_, err = ipfilter.New(cfg)
	require.ErrorContains(t, err, "Registerer")
}

func TestValidate(t *testing.T) {
	err := ipfilter.Config{Rules: ipfilter.Rules{{}}, File: "x"}.Validate()
	require.ErrorContains(t, err, "Rules: set together with File")
	require.ErrorContains(t, err, "rule 0: has no valid prefix")
	require.NoError(t, ipfilter.Config{}.Validate())
	_, err = ipfilter.New(ipfilter.Config{Rules: ipfilter.Rules{{Kind: 7}}})
	require.ErrorContains(t, err, "unknown kind 7")
}

func TestAnEmptyListDeniesLoudly(t *testing.T) {
	var log bytes.Buffer
	f, err := ipfilter.New(ipfilter.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	require.NoError(t, err)
	require.Contains(t, log.String(), "level=ERROR")
	require.Contains(t, log.String(), "everybody is denied")
	require.Equal(t, 403, status(f, request("127.0.0.1:1")).Code)
}
