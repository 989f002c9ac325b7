package procgroup

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCleanEnv(t *testing.T) {
	host := []string{
		"PATH=/bin", "LANG=C.UTF-8", "LC_ALL=C", "LC_=x", "HOME=/root", "USER=u", "LOGNAME=u", "SHELL=/bin/sh",
		"TERM=xterm", "TZ=UTC", "DB_PASSWORD=secret", "LD_PRELOAD=/evil.so", "NOTIFY_SOCKET=/run/n",
		"LISTEN_FDS=1", "INVOCATION_ID=1", "PATHOLOGICAL=1", "LCX=1", markVar + "=x",
	}
	got := mergeEnv(host, []string{"TERM=dumb", "EXTRA=1", "EXTRA=2", "nonsense", "=x", "NUL=a\x00b"})
	assert.Equal(t, []string{
		"PATH=/bin", "LANG=C.UTF-8", "LC_ALL=C", "LC_=x", "HOME=/root", "USER=u", "LOGNAME=u", "SHELL=/bin/sh",
		"TERM=dumb", "TZ=UTC", "EXTRA=2",
	}, got)
}

// What a service manager tells the service is not passed on, even if the
// caller copied the whole environment, and nobody chooses a mark.
func TestChildEnv(t *testing.T) {
	got := childEnv([]string{
		"A=1", "NOTIFY_SOCKET=/run/n", "LISTEN_FDS=1", "LISTEN_PID=1", "LISTEN_FDNAMES=x", "WATCHDOG_USEC=1",
		"INVOCATION_ID=1", "JOURNAL_STREAM=1:2", markVar + "=forged", "A=2", "DB_PASSWORD=wanted",
	}, "mark")
	assert.Equal(t, []string{markVar + "=mark", "A=2", "DB_PASSWORD=wanted"}, got)
}

func TestDedupEnvLeavesItsArgumentAlone(t *testing.T) {
	in := []string{"A=1", "B=1", "A=2"}
	was := slices.Clone(in)
	dedupEnv(in)
	assert.Equal(t, was, in)
}
