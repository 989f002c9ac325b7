package procgroup_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain is also the entry of the hosts that tests start, kill and examine:
// the test binary run again with hostEnv set.
func TestMain(m *testing.M) {
	if mode := os.Getenv(hostEnv); mode != "" {
		os.Exit(runHost(mode))
	}
	goleak.VerifyTestMain(m)
}
