package gate

import (
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Limits are caps on what lives at the same time. Zero takes the default,
// negative switches a cap off.
type Limits struct {
	// Total sessions, streams or jobs of a part. Default 1000.
	Total int
	// PerUser of them for one user name; an empty name is a user too.
	// Default 200.
	PerUser int
	// PerAddr of them for one client address; an IPv6 client is counted by
	// its /64, since one subscriber owns the whole of it. Default 200.
	PerAddr int
	// Handshakes between the upgrade and the client's first message.
	// Default 128.
	Handshakes int
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&l.Total, 1000)
	def(&l.PerUser, 200)
	def(&l.PerAddr, 200)
	def(&l.Handshakes, 128)
	return l
}

// limiter counts what is reserved. Entries that fall to zero are removed, so
// the maps are as large as what lives, not as what ever came.
type limiter struct {
	limits Limits

	mu         sync.Mutex
	total      int
	handshakes int
	users      map[string]int
	addrs      map[netip.Addr]int
}

func newLimiter(l Limits) *limiter {
	return &limiter{limits: l.withDefaults(), users: map[string]int{}, addrs: map[netip.Addr]int{}}
}

func addrKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.Addr()
		}
	}
	return a
}

func over(n, limit int) bool { return limit >= 0 && n >= limit }

func (l *limiter) reserve(user string, addr netip.Addr) (release func(), p *Problem) {
	key := addrKey(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case over(l.total, l.limits.Total):
		return nil, full(http.StatusServiceUnavailable, "the server is at its limit")
	case over(l.users[user], l.limits.PerUser):
		return nil, full(http.StatusTooManyRequests, "this user is at the limit")
	case over(l.addrs[key], l.limits.PerAddr):
		return nil, full(http.StatusTooManyRequests, "this address is at the limit")
	}
	l.total++
	l.users[user]++
	l.addrs[key]++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.total--
		if l.users[user]--; l.users[user] == 0 {
			delete(l.users, user)
		}
		if l.addrs[key]--; l.addrs[key] == 0 {
			delete(l.addrs, key)
		}
	}), nil
}

func (l *limiter) handshake() (release func(), p *Problem) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if over(l.handshakes, l.limits.Handshakes) {
		return nil, full(http.StatusServiceUnavailable, "too many handshakes at once")
	}
	l.handshakes++
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.handshakes--
	}), nil
}

func full(status int, detail string) *Problem {
	return &Problem{
		Name: "limit", Title: "Limit reached", Status: status, Detail: detail,
		Hint: "close what is not needed, or raise the limit in the configuration", RetryAfter: 5 * time.Second,
	}
}
