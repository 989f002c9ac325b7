package ipfilter

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"
)

// Kind says what a Rule matches.
type Kind uint8

const (
	// Net matches the addresses in Rule.Prefix. It is the zero value.
	Net Kind = iota
	// All matches every address, and peers on a Unix domain socket.
	All
	// Unix matches peers on a Unix domain socket: "unix:" in nginx's words.
	Unix
)

// Rule is one line of an allowlist.
type Rule struct {
	// Allow admits what the rule matches; false denies it.
	Allow bool
	// Kind says what the rule matches.
	Kind Kind
	// Prefix is what a rule of kind Net matches, as it was written: host bits are ignored. An IPv4
	// prefix matches IPv4-mapped addresses too, because addresses are unmapped first. A prefix that
	// is itself written in mapped form fails closed: as a deny rule it denies the IPv4 addresses it
	// names, as an allow rule it admits nobody, which is what nginx makes of it.
	Prefix netip.Prefix
	// Name says whose rule it is, for logs and the audit trail. The client never sees it.
	Name string
	// Until ends the rule: from then on it matches nothing. The zero value never does.
	Until time.Time
	// File and Line say where the rule was read; File may be "" and Line 0.
	File string
	Line int
}

// Rules is an ordered list: the first rule that matches an address decides about it. If none does,
// the address is denied when the list is empty or has any rule that allows, and admitted when the
// list only denies. nginx itself admits in every case; a list that ends in "deny all" means the
// same to both.
type Rules []Rule

// String returns the rule in nginx's syntax, without its name.
func (r Rule) String() string {
	verb := "deny "
	if r.Allow {
		verb = "allow "
	}
	return verb + r.target() + ";"
}

func (r Rule) target() string {
	switch r.Kind {
	case All:
		return "all"
	case Unix:
		return "unix:"
	}
	if r.Prefix.IsSingleIP() {
		return r.Prefix.Addr().String()
	}
	return r.Prefix.String()
}

// Position returns "file:line", or what is known of it, or "".
func (r Rule) Position() string {
	switch {
	case r.Line == 0:
		return r.File
	case r.File == "":
		return "line " + strconv.Itoa(r.Line)
	}
	return r.File + ":" + strconv.Itoa(r.Line)
}

// Validate reports all rules that cannot be applied, joined, each with its index and position.
func (rs Rules) Validate() error {
	var faults []error
	for i, r := range rs {
		if err := r.validate(); err != nil {
			where := ""
			if p := r.Position(); p != "" {
				where = " (" + p + ")"
			}
			faults = append(faults, fmt.Errorf("ipfilter: rule %d%s: %w", i, where, err))
		}
	}
	return errors.Join(faults...)
}

func (r Rule) validate() error {
	switch r.Kind {
	case All, Unix:
		if r.Prefix != (netip.Prefix{}) {
			return errors.New("has a prefix, but is not of kind Net")
		}
	case Net:
		if !r.Prefix.IsValid() {
			return errors.New("has no valid prefix")
		}
	default:
		return fmt.Errorf("has the unknown kind %d", r.Kind)
	}
	return nil
}

// admitsRest tells what happens to an address that no rule matches.
func (rs Rules) admitsRest() bool {
	for _, r := range rs {
		if r.Allow {
			return false
		}
	}
	return len(rs) > 0
}

// expired tells whether the rule no longer matches anything.
func (r *Rule) expired(now time.Time) bool {
	return !r.Until.IsZero() && !now.Before(r.Until)
}

// mappedIPv4 returns the IPv4 prefix that a prefix in mapped form stands for.
func mappedIPv4(p netip.Prefix) (netip.Prefix, bool) {
	if !p.Addr().Is4In6() || p.Bits() < 96 {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96).Masked(), true
}
