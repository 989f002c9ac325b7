package addresses

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// Scenarios are the comparisons of this package.
func Scenarios() []harness.Scenario {
	return []harness.Scenario{resolution(), rules()}
}

func resolution() harness.Scenario {
	s := harness.Scenario{
		Name: "addresses/client", Title: "Addresses: who is the client",
		About: "From a request with X-Forwarded-For to the client's address. The floor walks the header from the right with netip and does nothing else; it checks no other header and has no limit.",
		Goals: []harness.Goal{{Target: "pruvon", Column: "3hops_allocs", AtMost: 0.5}},
	}
	for _, v := range values {
		s.Columns = append(s.Columns,
			harness.Column{Key: v.name + "_ns", Title: v.title + ", ns", Ratio: true},
			harness.Column{Key: v.name + "_allocs", Title: "allocations"})
	}
	for i, c := range clients {
		s.Targets = append(s.Targets, harness.Target{Name: c.name, Floor: i == 0})
	}
	s.Run = func(_ context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
		sample := make(harness.Sample)
		for _, c := range clients {
			if c.name != t.Name {
				continue
			}
			find, err := c.make()
			if err != nil {
				return nil, err
			}
			for _, v := range values {
				r := request(v.xff)
				if got := find(r).String(); got != v.want {
					return nil, fmt.Errorf("%s: found %q", v.name, got)
				}
				sample[v.name+"_ns"], sample[v.name+"_allocs"] = cost(atLeast(env), func() { find(r) })
			}
		}
		return sample, nil
	}
	return s
}

func rules() harness.Scenario {
	s := harness.Scenario{
		Name: "addresses/rules", Title: "Addresses: may it come in",
		About: "One address looked up in a list of prefixes. The floor is the bare table that the filter is built on; " +
			"Pruvon also says which rule it was, with its line and its expiry. One by one is how nginx goes through its rules.",
		Axis:    "rules",
		Columns: []harness.Column{{Key: "ns", Title: "ns", Ratio: true}, {Key: "allocs", Title: "allocations"}},
		Goals:   []harness.Goal{{Target: "pruvon, 100000", Column: "allocs", AtMost: 0.5}},
	}
	for _, n := range []int{10, 100, 1_000, 10_000, 100_000} {
		for i, l := range lists {
			s.Targets = append(s.Targets, harness.Target{Name: fmt.Sprintf("%s, %d", l.name, n), Kind: l.name, X: float64(n), Floor: i == 0})
		}
	}
	s.Run = func(_ context.Context, env *harness.Env, t harness.Target) (harness.Sample, error) {
		all := prefixes(int(t.X))
		hit := all[len(all)/2].Addr()
		for _, l := range lists {
			if l.name != t.Kind {
				continue
			}
			contains, err := l.make(all)
			if err != nil {
				return nil, err
			}
			if !contains(hit) {
				return nil, errors.New("not found")
			}
			ns, allocs := cost(atLeast(env), func() { contains(hit) })
			return harness.Sample{"ns": ns, "allocs": allocs}, nil
		}
		return nil, errors.New("no such list")
	}
	return s
}

// atLeast is how long something is done to find out what it costs.
func atLeast(env *harness.Env) time.Duration {
	return time.Duration(env.Size(100, 1)) * time.Millisecond
}

// cost does something over and over, and returns the nanoseconds and the
// allocations of once.
func cost(d time.Duration, once func()) (ns, allocs float64) {
	var before, after runtime.MemStats
	for n := 1; ; n *= 2 {
		runtime.ReadMemStats(&before)
		begin := time.Now()
		for range n {
			once()
		}
		took := time.Since(begin)
		runtime.ReadMemStats(&after)
		if took >= d {
			return float64(took.Nanoseconds()) / float64(n), float64((after.Mallocs - before.Mallocs) / uint64(n))
		}
	}
}
