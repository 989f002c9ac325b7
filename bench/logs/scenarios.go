package logs

import (
	"os"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// Scenarios are the comparisons of this package.
func Scenarios() []harness.Scenario {
	full := os.Getenv("BENCH_FULL") == "1"
	return []harness.Scenario{fanOut(), latency(), catchUp(full), lastLines(full), rename(), copyTruncate(), ring(), crowd()}
}
