#!/bin/bash
# Runs every fuzz target of the main module for a few seconds. go test accepts one target a package
# and call, so each package's fuzz binary is built once and asked for its targets.
#
# FUZZ_SECONDS  seconds a target (default 5)
# FUZZ_TOTAL    seconds for all targets together, shared evenly; 0 = no bound (default 120)
. "$(dirname "$0")/lib.sh"

seconds=${FUZZ_SECONDS:-5}
total=${FUZZ_TOTAL:-120}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

packages=$(git grep -lE '^func Fuzz' -- '*_test.go' ':!:e2e' ':!:bench' | xargs -r -n1 dirname | sort -u)
targets=()
for package in $packages; do
	binary=$tmp/$(echo "$package" | tr / _).test
	go test -c -fuzz=. -o "$binary" "./$package"
	for target in $(cd "$package" && "$binary" -test.list '^Fuzz'); do
		targets+=("$package $binary $target")
	done
done
if [ ${#targets[@]} -eq 0 ]; then
	echo "no fuzz targets"
	exit 0
fi
if [ "$total" -gt 0 ] && [ $((seconds * ${#targets[@]})) -gt "$total" ]; then
	seconds=$((total / ${#targets[@]}))
	[ "$seconds" -ge 1 ] || seconds=1
fi

step "fuzzing ${#targets[@]} targets, $seconds s each"
failed=0
for entry in "${targets[@]}"; do
	read -r package binary target <<<"$entry"
	cache=$(go env GOCACHE)/fuzz/pruvon/$package
	mkdir -p "$cache"
	if (cd "$package" && "$binary" -test.run '^$' -test.fuzz "^$target\$" -test.fuzztime "${seconds}s" \
		-test.fuzzminimizetime 10s -test.fuzzcachedir "$cache") >"$tmp/out" 2>&1; then
		echo "ok    $package $target: $(grep -o 'execs: [0-9]*' "$tmp/out" | tail -n 1)"
	else
		echo "FAIL  $package $target"
		cat "$tmp/out"
		failed=1
	fi
done
exit $failed
