package report

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pruvon/pruvon/bench/internal/harness"
)

// A document has a place for each scenario, and one for the machine, between two comments that nobody
// sees when it is shown.
const (
	begin = "<!-- bench:%s -->\n"
	end   = "<!-- /bench -->\n"
)

// machinePlace is the name of the place for the machine's description.
const machinePlace = "machine"

// Place is a text for a place of its own.
type Place struct{ Name, Text string }

// UpdateDocs writes the tables into the document at path, each into its place. A scenario without one
// gets it after the last of its part, or at the end. What was not measured stays as it is.
func UpdateDocs(path string, m Machine, results []harness.Result, others ...Place) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	doc := document(b)
	errs := []error{doc.put(machinePlace, []byte(Header(m, results)))}
	for _, r := range results {
		var b bytes.Buffer
		Table(&b, &r)
		errs = append(errs, doc.put(r.Scenario.Name, b.Bytes()))
	}
	for _, p := range others {
		errs = append(errs, doc.put(p.Name, []byte(p.Text)))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, doc, 0o644)
}

type document []byte

// put replaces what stands in a place.
func (d *document) put(place string, text []byte) error {
	mark := fmt.Appendf(nil, begin, place)
	if !bytes.Contains(*d, mark) {
		d.addPlace(place)
	}
	before, rest, _ := bytes.Cut(*d, mark)
	_, after, err := cutPlace(place, rest)
	if err != nil {
		return err
	}
	*d = bytes.Join([][]byte{before, mark, text, []byte(end), after}, nil)
	return nil
}

// cutPlace cuts what follows the beginning of a place at its end.
func cutPlace(place string, rest []byte) (text, after []byte, err error) {
	text, after, ok := bytes.Cut(rest, []byte(end))
	if !ok || bytes.Contains(text, []byte("<!-- bench:")) {
		return nil, nil, fmt.Errorf("the place %q has no end", place)
	}
	return text, after, nil
}

// addPlace adds an empty place after the last of the same part: "part/what".
func (d *document) addPlace(place string) {
	part, _, _ := strings.Cut(place, "/")
	at := len(*d)
	if i := bytes.LastIndex(*d, []byte("<!-- bench:"+part+"/")); i >= 0 {
		if j := bytes.Index((*d)[i:], []byte(end)); j >= 0 {
			at = i + j + len(end)
		}
	}
	added := fmt.Appendf(nil, "\n"+begin+end, place)
	*d = bytes.Join([][]byte{(*d)[:at], added, (*d)[at:]}, nil)
}
