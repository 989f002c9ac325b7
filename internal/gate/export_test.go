package gate

// HostOf is the host that an origin implies, for the fuzz oracle.
func HostOf(origin string) string {
	_, host, err := parseOrigin(origin)
	if err != nil {
		return ""
	}
	return joinHost(host, "")
}
