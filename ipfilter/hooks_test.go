package ipfilter_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/ipfilter"
)

// A verdict does not depend on the hooks that hear of it, and an address that
// cannot be found out is denied. The same check runs while streams live, in
// goroutines where a panic would end the program.
func TestPanickingHooksChangeNoVerdict(t *testing.T) {
	for name, set := range map[string]func(*ipfilter.Config){
		"OnDeny": func(c *ipfilter.Config) {
			c.OnDeny = func(*http.Request, netip.Addr, ipfilter.Decision) { panic("host bug") }
		},
		"Audit":    func(c *ipfilter.Config) { c.Audit = func(context.Context, ipfilter.Event) { panic("host bug") } },
		"ClientIP": func(c *ipfilter.Config) { c.ClientIP = func(*http.Request) (netip.Addr, error) { panic("host bug") } },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := ipfilter.Config{Rules: parse(t, "allow 10.0.0.0/8;", "deny all;"), Logger: slog.New(slog.DiscardHandler)}
			set(&cfg)
			f, err := ipfilter.New(cfg)
			require.NoError(t, err)
			require.Equal(t, http.StatusForbidden, status(f, request("192.0.2.1:1")).Code)
			want := http.StatusNoContent
			if cfg.ClientIP != nil {
				want = http.StatusForbidden
			}
			require.Equal(t, want, status(f, request("10.1.2.3:1")).Code)
		})
	}
}
