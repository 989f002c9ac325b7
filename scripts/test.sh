#!/bin/bash
# Everything a change must pass, in the order that fails fastest.
# PRUVON_FULL=1 asks for the long counts.
. "$(dirname "$0")/lib.sh"

timeout=12m
fuzz=(env FUZZ_SECONDS=5 FUZZ_TOTAL=120)
if [ "${PRUVON_FULL:-}" = 1 ]; then
	timeout=120m
	fuzz=(env FUZZ_SECONDS=30 FUZZ_TOTAL=0)
fi

started=$SECONDS
scripts/deps.sh
scripts/generate.sh
scripts/lint.sh

for module in $(modules); do
	[ "$module" != e2e ] || continue
	step "go test -race -shuffle=on: $module"
	(cd "$module" && go test -race -shuffle=on -timeout "$timeout" ${GO_TEST_FLAGS:-} ./...)
done

"${fuzz[@]}" scripts/fuzz.sh
scripts/e2e.sh

step "all passed in $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s"
