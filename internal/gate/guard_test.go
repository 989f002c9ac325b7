package gate_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/internal/gate"
)

func newGuard(t *testing.T, c gate.GuardConfig) *gate.Guard {
	t.Helper()
	c.Part = "terminal"
	g, err := gate.NewGuard(c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, g.Shutdown(context.Background())) })
	return g
}

func TestGuardNeedsAuthorize(t *testing.T) {
	_, err := gate.NewGuard(gate.GuardConfig{Origins: []string{"x"}})
	require.Error(t, err)
	assert.ErrorContains(t, err, "Authorize")
	assert.ErrorContains(t, err, "Origins[0]")
}

func TestAdmitAnswers(t *testing.T) {
	var verdict error
	boom := false
	acc := gate.Access{User: "ann"}
	g := newGuard(t, gate.GuardConfig{Authorize: func(_ *http.Request, res gate.Resource) (gate.Access, error) {
		assert.Equal(t, "terminal", res.Part)
		if boom {
			panic("host bug")
		}
		return acc, verdict
	}})
	r := request("GET", "127.0.0.1", local)
	p, err := g.Admit(r, gate.Resource{Name: "shell", Action: gate.ActionAttach})
	require.NoError(t, err)
	assert.Equal(t, "ann", p.User)
	assert.Equal(t, netip.MustParseAddr("127.0.0.1"), p.Addr)

	for want, v := range map[int]error{
		401: fmt.Errorf("no cookie: %w", gate.ErrUnauthenticated),
		403: fmt.Errorf("not in the group: %w", gate.ErrDenied),
		503: errors.New("directory is down"),
	} {
		verdict = v
		_, err := g.Admit(r, gate.Resource{})
		assert.Equal(t, want, status(err))
		assert.ErrorIs(t, err, v, "the cause is kept for the log")
	}
	verdict, boom = nil, true
	_, err = g.Admit(r, gate.Resource{})
	assert.Equal(t, 503, status(err), "a panicking hook denies")
	boom, acc.Until = false, time.Now().Add(-time.Second)
	_, err = g.Admit(r, gate.Resource{})
	assert.Equal(t, 401, status(err), "an expired grant is none")
}

func TestAdmitWithoutAddressDenies(t *testing.T) {
	g := newGuard(t, gate.GuardConfig{Authorize: allow})
	_, err := g.Admit(request("GET", "localhost", "@"), gate.Resource{})
	assert.Equal(t, 400, status(err))
}

func allow(*http.Request, gate.Resource) (gate.Access, error) { return gate.Access{User: "ann"}, nil }

func TestRootsMarkReplacesTheChecks(t *testing.T) {
	g := newGuard(t, gate.GuardConfig{Authorize: allow})
	r := request("GET", "evil.example", "192.0.2.1:1", "Origin", "https://evil.example")
	assert.Error(t, g.Check(r))
	var filterErr error
	addr := netip.MustParseAddr("198.51.100.7")
	ctx := gate.WithChecked(r.Context(), gate.Checked{Addr: addr, Recheck: func() error { return filterErr }})
	r = r.WithContext(ctx)
	assert.NoError(t, g.Check(r))
	assert.NoError(t, g.CheckUpgrade(r))
	p, err := g.Admit(r, gate.Resource{})
	require.NoError(t, err)
	assert.Equal(t, addr, p.Addr)
	filterErr = gate.Forbidden("denied", "", "")
	_, err = g.Recheck(r, gate.Resource{})
	assert.Equal(t, 403, status(err), "the filter is asked first")
}

func TestRevalidate(t *testing.T) {
	tests := []struct {
		name    string
		verdict func(calls int, since time.Duration) (gate.Access, error)
		until   time.Duration // of the first grant; 0 = none
		after   time.Duration // when the stream must have ended
		want    error
	}{
		{"denied at the first round", func(int, time.Duration) (gate.Access, error) { return gate.Access{}, gate.ErrDenied }, 0, 30 * time.Second, gate.ErrDenied},
		{"unavailable for a minute", func(int, time.Duration) (gate.Access, error) { return gate.Access{}, errors.New("down") }, 0, 90 * time.Second, gate.ErrUnavailable},
		{"a hiccup does not count", func(n int, _ time.Duration) (gate.Access, error) {
			if n == 1 || n == 3 {
				return gate.Access{}, errors.New("down")
			}
			if n > 5 {
				return gate.Access{}, gate.ErrDenied
			}
			return gate.Access{}, nil
		}, 0, 130 * time.Second, gate.ErrDenied},
		{"grant ends between rounds", func(int, time.Duration) (gate.Access, error) { return gate.Access{}, nil }, 10 * time.Second, 10 * time.Second, gate.ErrExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, calls := time.Now(), 0
				g := newGuard(t, gate.GuardConfig{Authorize: func(*http.Request, gate.Resource) (gate.Access, error) {
					calls++
					return tt.verdict(calls, time.Since(start))
				}})
				var p gate.Principal
				if tt.until > 0 {
					p.Until = start.Add(tt.until)
				}
				err := g.Revalidate(context.Background(), request("GET", "x", local), gate.Resource{}, p)
				assert.ErrorIs(t, err, tt.want)
				assert.Equal(t, tt.after, time.Since(start))
			})
		})
	}
}

func TestRevalidateEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
		defer cancel()
		g := newGuard(t, gate.GuardConfig{Authorize: allow})
		assert.NoError(t, g.Revalidate(ctx, request("GET", "x", local), gate.Resource{}, gate.Principal{}))
	})
}

func TestLimitsReserveAndRelease(t *testing.T) {
	g := newGuard(t, gate.GuardConfig{Authorize: allow, Limits: gate.Limits{Total: 4, PerUser: 3, PerAddr: 2, Handshakes: 1}})
	a, b := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	other := netip.MustParseAddr("192.0.2.1")
	r1, err := g.Reserve("ann", a)
	require.NoError(t, err)
	_, err = g.Reserve("ann", b)
	require.NoError(t, err)
	_, err = g.Reserve("bob", a)
	assert.Equal(t, 429, status(err), "one /64 is one address")
	assert.Positive(t, gate.AsProblem(err).RetryAfter)
	_, err = g.Reserve("ann", other)
	require.NoError(t, err)
	_, err = g.Reserve("ann", netip.MustParseAddr("192.0.2.2"))
	assert.Equal(t, 429, status(err), "the user's cap")
	_, err = g.Reserve("bob", other)
	require.NoError(t, err)
	_, err = g.Reserve("cat", netip.MustParseAddr("192.0.2.3"))
	assert.Equal(t, 503, status(err), "the total")
	r1()
	r1()
	_, err = g.Reserve("cat", netip.MustParseAddr("192.0.2.3"))
	assert.NoError(t, err)
	_, err = g.Reserve("dan", netip.MustParseAddr("192.0.2.4"))
	assert.Equal(t, 503, status(err), "releasing twice frees one place")

	done, err := g.Handshake()
	require.NoError(t, err)
	_, err = g.Handshake()
	assert.Equal(t, 503, status(err))
	done()
	_, err = g.Handshake()
	assert.NoError(t, err)
}

func TestNegativeLimitIsOff(t *testing.T) {
	g := newGuard(t, gate.GuardConfig{Authorize: allow, Limits: gate.Limits{Total: -1, PerUser: -1, PerAddr: -1}})
	for range 5000 {
		_, err := g.Reserve("", netip.Addr{})
		require.NoError(t, err)
	}
}

func TestAuditIsOrderedAndSurvivesAPanic(t *testing.T) {
	var got []string
	var panicked atomic.Bool
	g, err := gate.NewGuard(gate.GuardConfig{Part: "logs", Authorize: allow, Audit: func(_ context.Context, e gate.Event) {
		if e.Kind == "boom" {
			panicked.Store(true)
			panic("host bug")
		}
		assert.Equal(t, "logs", e.Part)
		assert.False(t, e.At.IsZero())
		got = append(got, e.Kind)
	}})
	require.NoError(t, err)
	var want []string
	for i := range 1000 {
		if i == 500 {
			g.Audit(context.Background(), gate.Event{Kind: "boom"})
		}
		k := fmt.Sprint(i)
		want = append(want, k)
		g.Audit(context.Background(), gate.Event{Kind: k})
	}
	require.NoError(t, g.Shutdown(context.Background()))
	assert.Equal(t, want, got)
	assert.True(t, panicked.Load())
	g.Audit(context.Background(), gate.Event{Kind: "late"})
	assert.Equal(t, want, got)
}
