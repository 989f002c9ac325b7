package ipfilter

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/gaissmai/bart"
)

// table answers "which rule decides about this address" by one longest-prefix match, whatever the
// number of rules. At each prefix it keeps the rules that cover the prefix, in the order of the
// list, as far as they can ever decide: up to the first that never expires. It is immutable.
type table struct {
	rules Rules
	nets  *bart.Fast[int32]
	unix  int32
	// lists holds the candidates where there is more than one, because the first expires. A value
	// v >= 0 is a rule, noRule is none, and another v < 0 is lists[listOf(v)].
	lists      [][]int32
	admitsRest bool
}

const noRule = -1

func listOf(v int32) int32 { return -2 - v }

// compile takes rules that Validate accepts, and keeps them.
func compile(rules Rules) *table {
	t := &table{rules: rules, nets: new(bart.Fast[int32]), unix: noRule, admitsRest: rules.admitsRest()}
	entries := make([]entry, 0, len(rules)+2)
	var unix []int32
	for i, r := range rules {
		n := int32(i)
		switch r.Kind {
		case All:
			entries = append(entries, entry{anyIPv4, n}, entry{anyIPv6, n})
			unix = append(unix, n)
		case Unix:
			unix = append(unix, n)
		case Net:
			entries = append(entries, entry{r.Prefix.Masked(), n})
			if v4, ok := mappedIPv4(r.Prefix); ok && !r.Allow {
				entries = append(entries, entry{v4, n})
			}
		}
	}
	if len(unix) > 0 {
		t.unix = t.merge(noRule, unix)
	}
	t.insert(entries)
	return t
}

var (
	anyIPv4 = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	anyIPv6 = netip.PrefixFrom(netip.IPv6Unspecified(), 0)
)

// entry is a rule at one of its prefixes.
type entry struct {
	prefix netip.Prefix
	rule   int32
}

// insert fills nets. Sorted by address and then by length, a prefix comes after all that cover it,
// so a stack holds the covering ones and what decides there.
func (t *table) insert(entries []entry) {
	slices.SortFunc(entries, func(a, b entry) int {
		if c := a.prefix.Addr().Compare(b.prefix.Addr()); c != 0 {
			return c
		}
		if c := a.prefix.Bits() - b.prefix.Bits(); c != 0 {
			return c
		}
		return cmp.Compare(a.rule, b.rule)
	})
	type level struct {
		prefix netip.Prefix
		value  int32
	}
	var stack []level
	var own []int32
	for i := 0; i < len(entries); {
		prefix := entries[i].prefix
		own = own[:0]
		for ; i < len(entries) && entries[i].prefix == prefix; i++ {
			own = append(own, entries[i].rule)
		}
		for len(stack) > 0 && !covers(stack[len(stack)-1].prefix, prefix) {
			stack = stack[:len(stack)-1]
		}
		outer := int32(noRule)
		if len(stack) > 0 {
			outer = stack[len(stack)-1].value
		}
		value := t.merge(outer, own)
		stack = append(stack, level{prefix, value})
		if value != outer {
			t.nets.Insert(prefix, value)
		}
	}
}

func covers(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// merge returns the value for a prefix from that of the prefix around it and its own rules, which
// are in order and at least one.
func (t *table) merge(outer int32, own []int32) int32 {
	switch first := own[0]; {
	case outer >= 0 && outer < first:
		return outer // which never expires
	case outer >= noRule && t.rules[first].Until.IsZero():
		return first
	}
	return t.store(t.candidates(outer, own))
}

// candidates merges rules into a list, in order, and drops those that can never decide: all after
// one that never expires, and those that expire no later than one before them.
func (t *table) candidates(outer int32, own []int32) []int32 {
	merged := slices.Clone(own)
	switch {
	case outer >= 0:
		merged = append(merged, outer)
	case outer != noRule:
		merged = append(merged, t.lists[listOf(outer)]...)
	}
	slices.Sort(merged)
	n := 0
	var last time.Time
	for _, i := range merged {
		until := t.rules[i].Until
		if !until.IsZero() && !until.After(last) {
			continue
		}
		merged[n] = i
		n++
		if last = until; until.IsZero() {
			break
		}
	}
	return merged[:n]
}

// store returns the value that stands for a list of candidates.
func (t *table) store(candidates []int32) int32 {
	if len(candidates) == 1 && t.rules[candidates[0]].Until.IsZero() {
		return candidates[0]
	}
	t.lists = append(t.lists, candidates)
	return listOf(int32(len(t.lists) - 1)) // listOf is its own inverse
}

// lookup returns the index of the rule that decides about addr, which is unmapped and has no zone,
// or noRule.
func (t *table) lookup(addr netip.Addr) int32 {
	v, ok := t.nets.Lookup(addr)
	if !ok {
		return noRule
	}
	return t.current(v)
}

// lookupUnix is lookup for peers on a Unix domain socket.
func (t *table) lookupUnix() int32 { return t.current(t.unix) }

// current returns the first rule of v that has not expired. The clock is read only where a rule
// has an expiry.
func (t *table) current(v int32) int32 {
	if v >= noRule {
		return v
	}
	now := time.Now()
	for _, i := range t.lists[listOf(v)] {
		if !t.rules[i].expired(now) {
			return i
		}
	}
	return noRule
}
