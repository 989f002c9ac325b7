#!/bin/bash
# The Go benchmarks, briefly. Read them as ratios within one run: each fast path stands beside its slow
# reference or the floor of the machine.
. "$(dirname "$0")/lib.sh"

for module in $(modules); do
	[ "$module" != e2e ] || continue
	step "benchmarks: $module"
	(cd "$module" && go test -run '^$' -bench . -benchmem -benchtime 200ms -timeout 60m ${GO_TEST_FLAGS:-} ./...)
done
