package report_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pruvon/pruvon/bench/internal/harness"
	"github.com/pruvon/pruvon/bench/internal/report"
)

// result has a floor, a target with goals of which one is missed, one that failed and one that is not
// installed.
func result() harness.Result {
	runs := func(values ...float64) (out []harness.Run) {
		for i, v := range values {
			out = append(out, harness.Run{Repetition: i, Sample: harness.Sample{"a": v, "b": 10 * v}, Noise: 0.1 * float64(i)})
		}
		return out
	}
	s := harness.Scenario{
		Name: "part/what", Title: "What", About: "About it.",
		Columns: []harness.Column{{Key: "a", Title: "A", Ratio: true}, {Key: "b", Title: "B"}},
		Targets: []harness.Target{
			{Name: "floor", Floor: true},
			{Name: "ours", Note: "is ours."},
			{Name: "broken"},
			{Name: "absent", Needs: "absent", Get: "apt-get install absent"},
		},
		Notes: []string{"A note."},
		Goals: []harness.Goal{
			{Target: "ours", Column: "a", Ratio: true, AtLeast: 1.5},
			{Target: "ours", Column: "b", AtMost: 30},
		},
	}
	return harness.Result{Scenario: s, Targets: []harness.TargetResult{
		{Target: s.Targets[0], Runs: runs(1, 2, 4)},
		{Target: s.Targets[1], Runs: runs(2, 4, 6)},
		{Target: s.Targets[2], Runs: []harness.Run{{Err: errors.New("a | b\nc")}}},
		{Target: s.Targets[3], Missing: true},
	}}
}

const table = `### What

About it.

| target | A | × floor | B | runs | noise % |
| --- | ---: | ---: | ---: | ---: | ---: |
| floor | 2 (1–4) | 1 | 20 (10–40) | 3 | 10 (0–20) |
| ours | 4 (2–6) | 2 (1.5–2); goal ≥ 1.5 ✓ | 40 (20–60); goal ≤ 30 ✗ | 3 | 10 (0–20) |
| broken | failed: a / b c |
| absent | not installed: apt-get install absent |

- ours: is ours.
- A note.

`

func TestTable(t *testing.T) {
	var b bytes.Buffer
	r := result()
	report.Table(&b, &r)
	require.Equal(t, table, b.String())
}

func TestJSONHasEverySample(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, report.JSON(&b, report.Machine{Processor: "p"}, []harness.Result{result()}))
	var f report.File
	require.NoError(t, json.Unmarshal(b.Bytes(), &f))
	require.Equal(t, "p", f.Machine.Processor)
	require.Equal(t, "part/what", f.Scenarios[0].Name)
	targets := f.Scenarios[0].Targets
	require.Len(t, targets, 4)
	require.True(t, targets[0].Floor)
	require.Equal(t, []harness.Sample{{"a": 2, "b": 20}, {"a": 4, "b": 40}, {"a": 6, "b": 60}}, targets[1].Samples)
	require.Equal(t, []string{"a | b\nc"}, targets[2].Errors)
	require.Empty(t, targets[2].Samples)
	require.True(t, targets[3].Missing)
}

func TestDocumentsAreFilledIn(t *testing.T) {
	name := filepath.Join(t.TempDir(), "doc.md")
	const doc = "# Title\n\n<!-- bench:machine -->\nold\n<!-- /bench -->\n\nProse.\n\n" +
		"<!-- bench:part/what -->\nold\n<!-- /bench -->\n\n<!-- bench:other -->\nstays\n<!-- /bench -->\n"
	require.NoError(t, os.WriteFile(name, []byte(doc), 0o600))
	m := report.ThisMachine()
	results := []harness.Result{result()}
	for range 2 { // the second time finds the places again
		require.NoError(t, report.UpdateDocs(name, m, results))
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, "# Title\n\n<!-- bench:machine -->\n"+report.Header(m, results)+"<!-- /bench -->\n\nProse.\n\n"+
			"<!-- bench:part/what -->\n"+table+"<!-- /bench -->\n\n<!-- bench:other -->\nstays\n<!-- /bench -->\n", string(got))
	}
	require.Contains(t, report.Header(m, results), "7 runs; before 4 of them others kept more than 5 % of the machine busy")
}

func TestOtherTextsHaveTheirPlaces(t *testing.T) {
	name := filepath.Join(t.TempDir(), "doc.md")
	require.NoError(t, os.WriteFile(name, []byte("<!-- bench:machine -->\n<!-- /bench -->\n<!-- bench:growth -->\nold\n<!-- /bench -->\n"), 0o600))
	require.NoError(t, report.UpdateDocs(name, report.ThisMachine(), nil, report.Place{Name: "growth", Text: "new\n"}))
	got, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Contains(t, string(got), "<!-- bench:growth -->\nnew\n<!-- /bench -->\n")
}

func TestAScenarioWithoutAPlaceGetsOne(t *testing.T) {
	for _, c := range []struct{ doc, want string }{
		{"<!-- bench:machine -->\n<!-- /bench -->\nEnd.\n", "End.\n\n<!-- bench:part/what -->\n" + table + "<!-- /bench -->\n"},
		{
			"<!-- bench:machine -->\n<!-- /bench -->\n<!-- bench:part/one -->\n<!-- /bench -->\nMore.\n",
			"<!-- bench:part/one -->\n<!-- /bench -->\n\n<!-- bench:part/what -->\n" + table + "<!-- /bench -->\nMore.\n",
		},
	} {
		name := filepath.Join(t.TempDir(), "doc.md")
		require.NoError(t, os.WriteFile(name, []byte(c.doc), 0o600))
		require.NoError(t, report.UpdateDocs(name, report.Machine{}, []harness.Result{result()}))
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.True(t, strings.HasSuffix(string(got), c.want), "%s", got)
	}
}

func TestADocumentWithABrokenPlaceStaysAsItIs(t *testing.T) {
	for _, doc := range []string{
		"<!-- bench:machine -->\n<!-- /bench -->\n<!-- bench:part/what -->\n",
		"<!-- bench:machine -->\n<!-- /bench -->\n<!-- bench:part/what -->\n<!-- bench:part/other -->\n<!-- /bench -->\n",
	} {
		name := filepath.Join(t.TempDir(), "doc.md")
		require.NoError(t, os.WriteFile(name, []byte(doc), 0o600))
		require.ErrorContains(t, report.UpdateDocs(name, report.Machine{}, []harness.Result{result()}), `"part/what"`)
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		require.Equal(t, doc, string(got))
	}
}
