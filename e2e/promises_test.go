package e2e_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// promise is one row of docs/reliability.md.
type promise struct{ fault, promised, measured, test string }

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
	kept.Lock()
	defer kept.Unlock()
	kept.promises = append(kept.promises, promise{fault, promised, fmt.Sprintf(measured, args...), t.Name()})
}

const reliabilityHead = `# What happens when something breaks

Each row is a test of the end-to-end suite: the standalone binary behind a real nginx, with the fault
made on real processes, sockets and files. The suite writes this page itself; the figures are those of
its last run with ` + "`PRUVON_WRITE_DOCS=1 make e2e`" + `, on two shared cores.

| fault | promised | measured | test |
|---|---|---|---|
`

const reliabilityFoot = `
Beside these, the packages test their own faults: a child that ignores signals, exhausted
pseudo-terminals and a panic in a host's hook (` + "`terminal`, `internal/procgroup`" + `), a crash after each
write of the journal and a full disk (` + "`imports`" + `), and every kind of log rotation (` + "`logs`" + `).
`

// writePromises writes docs/reliability.md when it is asked for and every promise was kept.
func writePromises() error {
	if os.Getenv("PRUVON_WRITE_DOCS") != "1" {
		return nil
	}
	slices.SortFunc(kept.promises, func(a, b promise) int { return cmp.Compare(a.fault, b.fault) })
	var text strings.Builder
	text.WriteString(reliabilityHead)
	for _, p := range kept.promises {
		fmt.Fprintf(&text, "| %s | %s | %s | `%s` |\n", p.fault, p.promised, p.measured, p.test)
	}
	text.WriteString(reliabilityFoot)
	return os.WriteFile("../docs/reliability.md", []byte(text.String()), 0o644)
}
