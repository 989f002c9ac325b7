package ipfilter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Decision is what the list says about one address.
type Decision struct {
	// Allowed tells whether the address may come in. ReportOnly does not change it.
	Allowed bool
	// Rule is the rule that decided; the zero Rule if Index is negative.
	Rule Rule
	// Index is the rule's place in the list, starting at 0, or negative if no rule decided. For a
	// temporary entry it is its place in Temporary.
	Index int
	// Reason says how the decision came about.
	Reason Reason
}

// Reason says how a Decision came about.
type Reason string

// The reasons, a closed set.
const (
	ReasonRule      Reason = "rule"       // a rule of the list
	ReasonTemporary Reason = "temporary"  // an entry of AddTemporary
	ReasonNoMatch   Reason = "no-match"   // no rule; what then holds follows from the list
	ReasonEmpty     Reason = "empty-list" // the list is empty: everybody is denied
	ReasonNoAddress Reason = "no-address" // the client has no known address: denied
)

// Filter decides about addresses. All methods may be called concurrently; readers never wait,
// neither for each other nor while the rules are exchanged.
type Filter struct {
	cfg     Config
	log     *slog.Logger
	metrics *metrics

	current   atomic.Pointer[table]
	temporary atomic.Pointer[table] // never nil

	mu    sync.Mutex // held while rules are exchanged
	watch *watcher   // nil without File
}

// New returns a Filter, or what is wrong with cfg or with the file. With a File and Poll not off
// it starts one goroutine, which Shutdown ends.
func New(cfg Config) (*Filter, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Poll == 0 {
		cfg.Poll = DefaultPoll
	}
	if cfg.MaxTemporary == 0 {
		cfg.MaxTemporary = DefaultMaxTemporary
	}
	f := &Filter{cfg: cfg, log: cfg.Logger}
	if f.log == nil {
		f.log = slog.Default()
	}
	rules := slices.Clone(cfg.Rules)
	if cfg.File != "" {
		f.watch = newWatcher(cfg.File)
		var err error
		if rules, err = f.watch.first(); err != nil {
			return nil, err
		}
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, fmt.Errorf("ipfilter: Registerer: %w", err)
	}
	f.metrics = m
	f.temporary.Store(compile(nil))
	f.install(rules)
	f.lint(rules)
	if f.watch != nil && cfg.Poll > 0 {
		f.watch.start(f)
	}
	return f, nil
}

// SetRules puts a copy of rules in force, for all requests that are decided from now on. On an
// error nothing changes. A Filter with a File refuses: the file would contradict it.
func (f *Filter) SetRules(rules Rules) error {
	if f.watch != nil {
		return errors.New("ipfilter: the rules come from " + f.cfg.File + "; change the file, or use AddTemporary")
	}
	if len(rules) > maxRules {
		return fmt.Errorf("ipfilter: more than %d rules", maxRules)
	}
	if err := rules.Validate(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.install(slices.Clone(rules))
	return nil
}

// Rules returns a copy of the rules in force, without the temporary entries.
func (f *Filter) Rules() Rules { return slices.Clone(f.current.Load().rules) }

// install compiles valid rules and puts them in force. Except in New, mu is held.
func (f *Filter) install(rules Rules) {
	f.current.Store(compile(rules))
	f.metrics.rules.Set(float64(len(rules)))
	f.metrics.age.Set(0)
	if len(rules) == 0 {
		f.log.Error("the allowlist is empty: everybody is denied", slog.String("file", f.cfg.File))
	}
}

// lint logs what looks wrong in rules that have just been read. The list is edited by people, who
// look into the log when it does not do what they meant.
func (f *Filter) lint(rules Rules) {
	const most = 20
	found := rules.Lint(time.Now())
	for i, w := range found {
		if i == most {
			f.log.Warn("allowlist: more warnings", slog.Int("count", len(found)-most))
			return
		}
		if w.Rule >= 0 || len(rules) > 0 { // install has said that the list is empty
			f.log.Warn("allowlist: " + w.String())
		}
	}
}

// Decide says what the rules make of an address, temporary entries first. The zero Addr is denied.
func (f *Filter) Decide(addr netip.Addr) Decision {
	if !addr.IsValid() {
		return Decision{Index: noRule, Reason: ReasonNoAddress}
	}
	addr = addr.Unmap().WithZone("")
	if t := f.temporary.Load(); len(t.rules) > 0 {
		if i := t.lookup(addr); i >= 0 {
			return t.decision(i, ReasonTemporary)
		}
	}
	t := f.current.Load()
	return t.decision(t.lookup(addr), ReasonRule)
}

// DecideUnix says what the rules make of a peer on a Unix domain socket: "unix:" and "all" match.
func (f *Filter) DecideUnix() Decision {
	t := f.current.Load()
	return t.decision(t.lookupUnix(), ReasonRule)
}

func (t *table) decision(i int32, reason Reason) Decision {
	switch {
	case i >= 0:
		r := &t.rules[i]
		return Decision{Allowed: r.Allow, Rule: *r, Index: int(i), Reason: reason}
	case len(t.rules) == 0:
		return Decision{Index: noRule, Reason: ReasonEmpty}
	}
	return Decision{Allowed: t.admitsRest, Index: noRule, Reason: ReasonNoMatch}
}

// Shutdown stops watching the file and waits for that, at most as long as ctx lives. The rules
// stay in force.
func (f *Filter) Shutdown(ctx context.Context) error {
	if f.watch == nil {
		return nil
	}
	return f.watch.stop(ctx)
}
