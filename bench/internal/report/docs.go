package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// A document has a place for each scenario, and one for the machine, between two comments that nobody
// sees when it is shown.
const (
	begin = "<!-- bench:%s -->\n"
	end   = "<!-- /bench -->"
)

// machinePlace is the name of the place for the machine's description.
const machinePlace = "machine"

// UpdateDocs writes the tables into the document at path, each into its place. What was not measured
// stays as it is; a result without a place is an error.
func UpdateDocs(path string, m Machine, results []harness.Result) error {
	doc, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	doc, err = update(doc, m, results)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, doc, 0o644)
}

func update(doc []byte, m Machine, results []harness.Result) ([]byte, error) {
	put := func(place string, text []byte) error {
		mark := fmt.Appendf(nil, begin, place)
		before, rest, ok := bytes.Cut(doc, mark)
		if !ok {
			return fmt.Errorf("no place %q", place)
		}
		_, after, ok := bytes.Cut(rest, []byte(end))
		if !ok {
			return fmt.Errorf("the place %q has no end", place)
		}
		doc = bytes.Join([][]byte{before, mark, text, []byte(end), after}, nil)
		return nil
	}
	errs := []error{put(machinePlace, []byte(Header(m, results)))}
	for _, r := range results {
		var b bytes.Buffer
		Table(&b, &r)
		errs = append(errs, put(r.Scenario.Name, b.Bytes()))
	}
	return doc, errors.Join(errs...)
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

// noisyAbove is the share of the machine above which a run counts as disturbed.
const noisyAbove = 0.05

// Markdown writes the header and every table.
func Markdown(w io.Writer, m Machine, results []harness.Result) {
	fmt.Fprintln(w, strings.TrimSpace(Header(m, results)))
	fmt.Fprintln(w)
	for _, r := range results {
		Table(w, &r)
	}
}
