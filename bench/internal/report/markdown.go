package report

import (
	"fmt"
	"io"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// noisyAbove is the share of the machine above which a run counts as disturbed.
const noisyAbove = 0.05

// Markdown writes the header and every table.
func Markdown(w io.Writer, m Machine, results []harness.Result) {
	fmt.Fprintln(w, Header(m, results))
	for _, r := range results {
		Table(w, &r)
	}
}

// Header names the machine and says how disturbed the run was.
func Header(m Machine, results []harness.Result) string {
	runs, noisy := 0, 0
	for _, r := range results {
		for _, t := range r.Targets {
			for _, run := range t.Runs {
				runs++
				if run.Noise > noisyAbove {
					noisy++
				}
			}
		}
	}
	return fmt.Sprintf("%s %d runs; before %d of them others kept more than %.0f %% of the machine busy.\n",
		m, runs, noisy, noisyAbove*100)
}
