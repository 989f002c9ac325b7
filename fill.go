package pruvon

import (
	"fmt"
	"net/http"
	"net/netip"

	"github.com/pruvon/pruvon/internal/gate"
	"github.com/pruvon/pruvon/proxyhdr"
)

// ownFields reports the fields of parts that are ours to fill.
func (c Config) ownFields() []error {
	var errs []error
	set := func(field string, isSet bool) {
		if isSet {
			errs = append(errs, fmt.Errorf("%s: must be empty below pruvon.Config, which fills it", field))
		}
	}
	if t := c.Terminal; t != nil {
		set("Terminal.Authorize", t.Authorize != nil)
		set("Terminal.Origins", len(t.Origins) > 0)
		set("Terminal.AllowNoOrigin", t.AllowNoOrigin)
		set("Terminal.ClientIP", t.ClientIP != nil)
		set("Terminal.Revalidate", t.Revalidate != 0)
		set("Terminal.Logger", t.Logger != nil)
		set("Terminal.Registerer", t.Registerer != nil)
		set("Terminal.Audit", t.Audit != nil)
	}
	if l := c.Logs; l != nil {
		set("Logs.Authorize", l.Authorize != nil)
		set("Logs.Origins", len(l.Origins) > 0)
		set("Logs.AllowNoOrigin", l.AllowNoOrigin)
		set("Logs.ClientIP", l.ClientIP != nil)
		set("Logs.Revalidate", l.Revalidate != 0)
		set("Logs.Logger", l.Logger != nil)
		set("Logs.Registerer", l.Registerer != nil)
		set("Logs.Audit", l.Audit != nil)
	}
	if i := c.Imports; i != nil {
		set("Imports.Authorize", i.Authorize != nil)
		set("Imports.Origins", len(i.Origins) > 0)
		set("Imports.AllowNoOrigin", i.AllowNoOrigin)
		set("Imports.ClientIP", i.ClientIP != nil)
		set("Imports.Revalidate", i.Revalidate != 0)
		set("Imports.Logger", i.Logger != nil)
		set("Imports.Registerer", i.Registerer != nil)
		set("Imports.Audit", i.Audit != nil)
	}
	if f := c.Filter; f != nil {
		set("Filter.ClientIP", f.ClientIP != nil)
		set("Filter.Logger", f.Logger != nil)
		set("Filter.Registerer", f.Registerer != nil)
		set("Filter.Audit", f.Audit != nil)
	}
	return errs
}

// filled returns a copy of c whose parts have what they share with us. The
// Origins and the addresses of requests are checked by the root, which marks
// them as checked; a request that reached a part without that mark would be
// refused by the part's own empty list.
func (c Config) filled(clientIP func(*http.Request) (netip.Addr, error)) Config {
	if c.Terminal != nil {
		t := *c.Terminal
		t.Authorize, t.ClientIP, t.Revalidate = c.Authorize, clientIP, c.Revalidate
		t.Logger, t.Registerer, t.Audit = c.Logger, c.Registerer, c.Audit
		c.Terminal = &t
	}
	if c.Logs != nil {
		l := *c.Logs
		l.Authorize, l.ClientIP, l.Revalidate = c.Authorize, clientIP, c.Revalidate
		l.Logger, l.Registerer, l.Audit = c.Logger, c.Registerer, c.Audit
		c.Logs = &l
	}
	if c.Imports != nil {
		i := *c.Imports
		i.Authorize, i.ClientIP, i.Revalidate = c.Authorize, clientIP, c.Revalidate
		i.Logger, i.Registerer, i.Audit = c.Logger, c.Registerer, c.Audit
		c.Imports = &i
	}
	if c.Filter != nil {
		f := *c.Filter
		f.ClientIP, f.Logger, f.Registerer = clientIP, c.Logger, c.Registerer
		c.Filter = &f
	}
	return c
}

// clientIP is what proxyhdr found out for this request.
func clientIP(r *http.Request) (netip.Addr, error) {
	client, ok := proxyhdr.FromContext(r.Context())
	if !ok || !client.Addr.IsValid() {
		return netip.Addr{}, gate.ErrDenied
	}
	return client.Addr, nil
}
