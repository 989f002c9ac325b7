package logs_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if kind := os.Getenv(benchServer); kind != "" {
		runBenchServer(kind)
		return
	}
	goleak.VerifyTestMain(m)
}
