#!/bin/bash
# The end-to-end suite: real nginx, Chromium, Prometheus and PostgreSQL around the standalone binary.
# It leaves its screenshots in e2e/shots.
. "$(dirname "$0")/lib.sh"

PATH=$PATH:/usr/sbin:/sbin
timeout=10m
[ "${PRUVON_FULL:-}" != 1 ] || timeout=60m

step "end to end: nginx, Chromium, Prometheus, PostgreSQL"
cd e2e
npm ci --ignore-scripts --no-audit --no-fund --silent
go test -count=1 -p 1 -timeout "$timeout" ${GO_TEST_FLAGS:-} ./...
