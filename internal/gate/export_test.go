package gate

// HostOf is the host that an origin implies, for the fuzz oracle.
func HostOf(origin string) string {
	_, host, err := parseOrigin(origin)
	if err != nil {
		return ""
	}
	return joinHost(host, "")
}

// Remembered is how many users and addresses the limiter holds.
func (g *Guard) Remembered() (users, addrs int) {
	g.limiter.mu.Lock()
	defer g.limiter.mu.Unlock()
	return len(g.limiter.users), len(g.limiter.addrs)
}
