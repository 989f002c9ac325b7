package harness

import (
	"net"
	"os"
	"testing"
	"time"
)

// pause is the interval at which conditions of other processes are polled.
func pause() { time.Sleep(20 * time.Millisecond) }

// Full says whether the long counts were asked for.
func Full() bool { return os.Getenv("PRUVON_FULL") == "1" }

// Eventually polls until check returns nil and fails the test with its last error when that takes
// longer than the limit.
func Eventually(tb testing.TB, limit time.Duration, check func() error) {
	tb.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("still not true after %v: %v", limit, err)
		}
		pause()
	}
}

// FreePort returns a TCP port that nothing listened on a moment ago.
func FreePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}
