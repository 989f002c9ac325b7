package ipfilter

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// Warning points at something in a list that is allowed and most likely not meant.
type Warning struct {
	// Rule is the index of the rule it is about, -1 for the whole list; File and Line its place.
	Rule int
	File string
	Line int
	// Other is the index of a second rule that explains the first, -1 if there is none, and
	// OtherLine its line.
	Other     int
	OtherLine int
	// Text is one sentence without the place.
	Text string
}

// String returns "file:line: text".
func (w Warning) String() string {
	if p := (Rule{File: w.File, Line: w.Line}).Position(); p != "" {
		return p + ": " + w.Text
	}
	return w.Text
}

// Lint returns what looks wrong in the list at the time now, in the order of the list.
func (rs Rules) Lint(now time.Time) []Warning {
	l := linter{rules: rs, now: now}
	for i := range rs {
		l.rule(i)
	}
	l.shadows()
	l.list()
	return l.sorted()
}

type linter struct {
	rules Rules
	now   time.Time
	found []Warning
}

func (l *linter) warn(rule, other int, format string, args ...any) {
	w := Warning{Rule: rule, Other: -1, Text: fmt.Sprintf(format, args...)}
	if rule >= 0 {
		w.File, w.Line = l.rules[rule].File, l.rules[rule].Line
	} else if len(l.rules) > 0 {
		w.File = l.rules[0].File
	}
	if other >= 0 {
		w.Other, w.OtherLine = other, l.rules[other].Line
	}
	l.found = append(l.found, w)
}

// rule looks at one rule by itself.
func (l *linter) rule(i int) {
	r := &l.rules[i]
	if r.expired(l.now) {
		l.warn(i, -1, "%q expired at %s and matches nothing here; nginx knows no expiry and still applies it", r, r.Until.Format(time.RFC3339))
	}
	if r.Until.IsZero() && strings.Contains(strings.ToLower(r.Name), "until") {
		l.warn(i, -1, "the comment %q looks like an expiry and is none; write until=2026-12-31T00:00Z", r.Name)
	}
	if r.Kind != Net {
		if r.Kind == All && r.Allow {
			l.warn(i, -1, "%q admits everybody whom no rule before it denies", r)
		}
		return
	}
	if r.Prefix.Addr().Is4In6() {
		l.mapped(i)
		return
	}
	if r.Prefix != r.Prefix.Masked() {
		l.warn(i, -1, "%q has host bits set and means %s", r, r.Prefix.Masked())
	}
	switch {
	case r.Prefix == limitedBroadcast:
		l.warn(i, -1, "%q is an error to nginx, and no client has this address", r)
	case r.Allow && r.Prefix.Bits() == 0:
		l.warn(i, -1, "%q admits all of %s", r, family(r.Prefix))
	case r.Allow && r.Prefix.Addr().IsLoopback():
		l.warn(i, -1, "%q admits every local process, and everybody if a proxy on this host is taken for the client", r)
	}
}

// limitedBroadcast is what nginx's parser takes for the error value INADDR_NONE.
var limitedBroadcast = netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), 32)

func (l *linter) mapped(i int) {
	r := &l.rules[i]
	v4, ok := mappedIPv4(r.Prefix)
	switch {
	case !ok:
		l.warn(i, -1, "%q is in IPv4-mapped form with a mask shorter than /96 and matches no IPv4 client", r)
	case r.Allow:
		l.warn(i, -1, "%q is in IPv4-mapped form and admits nobody, here and in nginx; write %s", r, v4)
	default:
		l.warn(i, -1, "%q is in IPv4-mapped form: nginx lets these clients pass, here they are denied; write %s", r, v4)
	}
}

// list looks at what the rules leave to the default.
func (l *linter) list() {
	if len(l.rules) == 0 {
		l.warn(-1, -1, "the list is empty: everybody is denied")
		return
	}
	var restV4, restV6 bool // is there a rule that covers the whole family
	lastDenyV4 := -1
	for i, r := range l.rules {
		switch {
		case r.Kind == All:
			restV4, restV6 = true, true
		case r.Kind == Net && r.Prefix.Bits() == 0 && r.Prefix.Addr().Is4():
			restV4 = true
			if !r.Allow {
				lastDenyV4 = i
			}
		case r.Kind == Net && r.Prefix.Bits() == 0:
			restV6 = true
		}
	}
	switch {
	case restV4 && restV6:
	case restV4 && lastDenyV4 >= 0:
		l.warn(lastDenyV4, -1, "%q leaves IPv6 open%s; write \"deny all;\"", l.rules[lastDenyV4], l.whoLeavesOpen())
	case l.rules.admitsRest():
		l.warn(-1, -1, "the list only denies: everybody else is admitted")
	default:
		l.warn(-1, -1, "the list does not end in \"deny all;\": nginx admits whom no rule matches, here they are denied")
	}
}

// whoLeavesOpen says that only nginx does, when the default here is to deny.
func (l *linter) whoLeavesOpen() string {
	if l.rules.admitsRest() {
		return ""
	}
	return " in nginx"
}

func family(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "IPv4"
	}
	return "IPv6"
}
