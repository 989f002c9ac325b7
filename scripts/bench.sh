#!/bin/bash
# The comparison with the floor and the peers. BENCH_FULL=1 repeats five times instead of three.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin

go build -C bench -o "$PWD/bin/bench" .
exec bin/bench ${BENCH_FLAGS:-}
