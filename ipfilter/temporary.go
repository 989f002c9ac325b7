package ipfilter

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// AddTemporary puts a rule in front of the list until it expires: an engineer on the road for two
// hours, an address under attack for a day. It needs kind Net and an Until in the future. The
// newest entry comes first; an earlier one for the same prefix is replaced. Entries survive a
// reload of the file, but not the process.
func (f *Filter) AddTemporary(r Rule) error {
	now := time.Now()
	switch {
	case r.Kind != Net || !r.Prefix.IsValid():
		return errors.New("ipfilter: a temporary entry needs a valid prefix")
	case r.Prefix.Addr().Is4In6():
		v4, ok := mappedIPv4(r.Prefix)
		if !ok {
			return errors.New("ipfilter: the prefix is IPv4-mapped with a mask shorter than /96")
		}
		r.Prefix = v4
	case r.Until.IsZero():
		return errors.New("ipfilter: a temporary entry needs an expiry")
	}
	if r.expired(now) {
		return fmt.Errorf("ipfilter: the expiry %s has passed", r.Until.Format(time.RFC3339))
	}
	r.Prefix = r.Prefix.Masked()

	f.mu.Lock()
	defer f.mu.Unlock()
	entries := f.liveTemporary(now, r.Prefix)
	if len(entries) >= max(0, f.cfg.MaxTemporary) {
		return fmt.Errorf("ipfilter: there are %d temporary entries already", len(entries))
	}
	f.temporary.Store(compile(slices.Insert(entries, 0, r)))
	return nil
}

// RemoveTemporary ends the entry for exactly this prefix before its time and tells whether there
// was one.
func (f *Filter) RemoveTemporary(prefix netip.Prefix) bool {
	if v4, ok := mappedIPv4(prefix); ok {
		prefix = v4
	}
	prefix = prefix.Masked()
	now := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.liveTemporary(now, netip.Prefix{}))
	entries := f.liveTemporary(now, prefix)
	f.temporary.Store(compile(entries))
	return len(entries) < before
}

// Temporary returns the entries in force, the one that is asked first in front.
func (f *Filter) Temporary() Rules { return f.liveTemporary(time.Now(), netip.Prefix{}) }

// liveTemporary returns a copy of the entries that have not expired, without the one for except.
func (f *Filter) liveTemporary(now time.Time, except netip.Prefix) Rules {
	var live Rules
	for _, r := range f.temporary.Load().rules {
		if !r.expired(now) && r.Prefix != except {
			live = append(live, r)
		}
	}
	return live
}
