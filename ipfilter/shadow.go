package ipfilter

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/gaissmai/bart"
)

// shadows finds the rules that can never decide, because an earlier one that lives at least as long
// covers all they match.
func (l *linter) shadows() {
	var all, unix []int // earlier rules for everybody, and for Unix sockets
	nets := new(bart.Table[[]int])
	for i := range l.rules {
		r := &l.rules[i]
		if r.expired(l.now) {
			continue
		}
		by := -1
		switch r.Kind {
		case All:
			by = l.outliving(i, all)
		case Unix:
			by = l.outliving(i, unix)
		case Net:
			by = l.outliving(i, l.covering(nets, r.Prefix.Masked(), all))
		}
		if by >= 0 {
			l.shadow(i, by)
			continue // what it covers, the other one covers too
		}
		switch r.Kind {
		case All:
			all = append(all, i)
			unix = append(unix, i)
		case Unix:
			unix = append(unix, i)
		case Net:
			p := r.Prefix.Masked()
			same, _ := nets.Get(p)
			nets.Insert(p, append(same, i))
		}
	}
}

// covering returns the rules before that match all of p.
func (l *linter) covering(nets *bart.Table[[]int], p netip.Prefix, all []int) []int {
	rules := slices.Clone(all)
	for _, same := range nets.Supernets(p) {
		rules = append(rules, same...)
	}
	return rules
}

// outliving returns the first of the rules that lives at least as long as rule i, or -1.
func (l *linter) outliving(i int, rules []int) int {
	slices.Sort(rules)
	until := l.rules[i].Until
	for _, j := range rules {
		if other := l.rules[j].Until; other.IsZero() || (!until.IsZero() && !other.Before(until)) {
			return j
		}
	}
	return -1
}

func (l *linter) shadow(i, by int) {
	r, other := &l.rules[i], &l.rules[by]
	where := ""
	if other.Line > 0 {
		where = " in " + (Rule{Line: other.Line}).Position()
	}
	same := r.Kind == other.Kind && r.Prefix.Masked() == other.Prefix.Masked()
	switch {
	case same && r.Allow == other.Allow:
		l.warn(i, by, "%q repeats %q%s", r, other, where)
	case same:
		l.warn(i, by, "%q contradicts %q%s, which comes first and decides", r, other, where)
	default:
		l.warn(i, by, "%q never decides: %q%s comes first and covers it", r, other, where)
	}
}

// sorted returns the warnings in the order of the list, those about the whole list last.
func (l *linter) sorted() []Warning {
	slices.SortStableFunc(l.found, func(a, b Warning) int {
		return cmp.Compare(uint(a.Rule), uint(b.Rule)) // -1 becomes the largest
	})
	return l.found
}
