# Every target works on a clean clone of a Debian machine with Go, node, npm and git.
# GO_TEST_FLAGS is added to each run of the Go tests, BENCH_FLAGS to the comparison (-list, -run, -n,
# -json, -docs; see bench/).

GO_TEST_FLAGS ?=
BENCH_FLAGS ?=
export BENCH_FLAGS

.PHONY: help run generate deps lint test test-unit test-full bench bench-go fuzz e2e

help:
	@echo "make run         the standalone binary with its demo, on http://127.0.0.1:8080"
	@echo "make test        everything a change must pass: lint, tests with -race, short fuzzing, end to end"
	@echo "make test-unit   the Go tests alone, without the race detector"
	@echo "make test-full   as test, with the long counts and 30 s of fuzzing a target"
	@echo "make e2e         the end-to-end suite alone: nginx, Chromium, Prometheus, PostgreSQL"
	@echo "make bench       the comparison with the floor and the peers, as tables; 15 minutes (BENCH_FLAGS=-run=terminal for a part)"
	@echo "make bench-go    the Go benchmarks of every package, briefly"
	@echo "make lint        gofumpt, go vet, staticcheck"
	@echo "make fuzz        every fuzz target, 30 s each"
	@echo "make generate    fetches xterm.js for the standalone's page (needs npm)"

run: generate
	go run ./examples/standalone

generate:
	@scripts/generate.sh

deps:
	@scripts/deps.sh

lint:
	@scripts/lint.sh

test:
	@GO_TEST_FLAGS="$(GO_TEST_FLAGS)" scripts/test.sh

test-unit: generate
	go test -shuffle=on $(GO_TEST_FLAGS) ./...

test-full:
	@PRUVON_FULL=1 GO_TEST_FLAGS="$(GO_TEST_FLAGS)" scripts/test.sh

bench: deps
	@scripts/bench.sh

bench-go: generate
	@scripts/bench-go.sh

fuzz:
	@FUZZ_SECONDS=30 FUZZ_TOTAL=0 scripts/fuzz.sh

e2e: deps generate
	@GO_TEST_FLAGS="$(GO_TEST_FLAGS)" scripts/e2e.sh
