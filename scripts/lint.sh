#!/bin/bash
# gofumpt, go vet and staticcheck over every module of the repository, at pinned versions.
. "$(dirname "$0")/lib.sh"

STATICCHECK=honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOFUMPT=mvdan.cc/gofumpt@v0.12.0

step "gofumpt and staticcheck, pinned, into bin/"
export GOBIN=$PWD/bin
go install "$STATICCHECK"
go install "$GOFUMPT"

step "gofumpt"
unformatted=$(git ls-files -z '*.go' | xargs -0 -r bin/gofumpt -l)
if [ -n "$unformatted" ]; then
	printf 'not formatted (run bin/gofumpt -w on them):\n%s\n' "$unformatted" >&2
	exit 1
fi

for module in $(modules); do
	step "go vet, staticcheck: $module"
	(cd "$module" && go vet ./... && "$GOBIN/staticcheck" ./...)
done
