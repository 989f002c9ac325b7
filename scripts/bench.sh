#!/bin/bash
# The benchmarks. Read them as ratios within one run: each fast path stands beside its slow reference
# or the floor of the machine.
. "$(dirname "$0")/lib.sh"

step "benchmarks"
go test -run '^$' -bench . -benchmem -timeout 60m ${GO_TEST_FLAGS:-} ./...
if [ -f bench/go.mod ]; then
	step "benchmarks beside the peers"
	(cd bench && go test -run '^$' -bench . -benchmem -timeout 60m ${GO_TEST_FLAGS:-} ./...)
fi
