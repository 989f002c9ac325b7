package e2e_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pruvon/pruvon/e2e/harness"
)

// promise is one row of docs/reliability.md.
type promise struct{ Fault, Promised, Measured, Test string }

// kept are the promises that the tests of this run have seen kept.
var kept struct {
	sync.Mutex
	promises []promise
}

// keep records that a test has seen a promise kept; a failed test records nothing.
func keep(t *testing.T, fault, promised, measured string, args ...any) {
	t.Helper()
	if t.Failed() {
		return
	}
	row := promise{fault, promised, fmt.Sprintf(measured, args...), t.Name()}
	kept.Lock()
	defer kept.Unlock()
	kept.promises = append(kept.promises, row)
	if harness.Isolated() {
		line, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		appendLine(t, os.Getenv(keptName), string(line))
	}
}

// keptName is the environment variable that names the file in which isolated processes leave what they
// have kept for the one that started them.
const keptName = "PRUVON_E2E_KEPT"

// keptByOthers reads that file.
func keptByOthers() (rows []promise, err error) {
	text, err := os.ReadFile(os.Getenv(keptName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for line := range strings.Lines(string(text)) {
		var row promise
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, err
}

const reliabilityHead = `# What happens when something breaks

Each row is a test of the end-to-end suite: the standalone binary behind a real nginx, with the fault
made on real processes, sockets and files (a panic in a host's function, and access that is withdrawn,
in a host that embeds the library). The suite writes this page itself; the figures are those of each
test's last run with ` + "`PRUVON_WRITE_DOCS=1`" + `, on two shared cores.

| fault | promised | measured | test |
|---|---|---|---|
`

const reliabilityFoot = `
Beside these, the packages test their own faults: exhausted processes and pseudo-terminals, and
programs that are hard to end (` + "`terminal`, `internal/procgroup`" + `), a crash after each write of the
journal (` + "`imports`" + `), and every kind of log rotation (` + "`logs`" + `).

A wall clock that is set moves no timeout: pings, idle times, graces and retries are measured with the
monotonic clock, and ` + "`TestNoDeadlineIsMadeOfTheWallClock`" + ` lists the few places where a time has no
monotonic reading. What is said in wall time follows the new time: the end of a grant (` + "`Access.Until`" + `)
within one period of revalidation, an allowlist entry's ` + "`until=`" + ` with the next request, a log's
` + "`since`" + ` with the query. A suspended machine is a stopped service, see above.

What an idle connection's death costs is 40 s at most (a ping every 25 s, 15 s for its answer) for
WebSockets. An SSE or NDJSON stream to a client that has vanished without a word holds its place until
the kernel gives the connection up, about a quarter of an hour on Linux (` + "`net.ipv4.tcp_retries2`" + `).
`

const reliabilityPage = "../docs/reliability.md"

// rowsOfOthers are the rows of the page that belong to tests which this run has not seen: with -run, a run
// replaces the rows of its own tests only.
func rowsOfOthers(seen []promise) (rows []promise, err error) {
	if flag.Lookup("test.run").Value.String() == "" {
		return nil, nil
	}
	page, err := os.ReadFile(reliabilityPage)
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "| "), " | ")
		if len(cells) != 4 || !strings.HasPrefix(cells[3], "`Test") {
			continue
		}
		row := promise{cells[0], cells[1], cells[2], strings.Trim(cells[3], "`")}
		if !slices.ContainsFunc(seen, func(p promise) bool { return p.Test == row.Test }) {
			rows = append(rows, row)
		}
	}
	return rows, err
}

// writePromises writes docs/reliability.md when it is asked for and every promise was kept.
func writePromises() error {
	if os.Getenv("PRUVON_WRITE_DOCS") != "1" {
		return nil
	}
	others, err := keptByOthers()
	if err != nil {
		return err
	}
	rows := append(kept.promises, others...)
	if others, err = rowsOfOthers(rows); err != nil {
		return err
	}
	rows = append(rows, others...)
	slices.SortFunc(rows, func(a, b promise) int { return cmp.Compare(a.Fault, b.Fault) })
	var text strings.Builder
	text.WriteString(reliabilityHead)
	for _, p := range rows {
		fmt.Fprintf(&text, "| %s | %s | %s | `%s` |\n", p.Fault, p.Promised, p.Measured, p.Test)
	}
	text.WriteString(reliabilityFoot)
	return os.WriteFile(reliabilityPage, []byte(text.String()), 0o644)
}
