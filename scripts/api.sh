#!/bin/bash
# Compares the exported API with that of the last tag and fails on incompatible changes within one
# major version. Before the first tag there is nothing to compare with.
. "$(dirname "$0")/lib.sh"

APIDIFF=golang.org/x/exp/cmd/apidiff@latest

tag=$(git describe --tags --abbrev=0 --match 'v*' 2>/dev/null || true)
if [ -z "$tag" ]; then
	echo "no tag yet: nothing to compare with"
	exit 0
fi
old=$(mktemp -d)
trap 'git worktree remove --force "$old"' EXIT
git worktree add -q --detach "$old" "$tag"
step "the API against $tag"
failed=0
for package in $(go list ./... | grep -v -e /internal/ -e /examples/); do
	path=./${package#github.com/pruvon/pruvon}
	[ -d "$old/$path" ] || continue
	(cd "$old" && go run "$APIDIFF" -w "$old/.api" "$package")
	out=$(go run "$APIDIFF" -incompatible "$old/.api" "$package")
	if [ -n "$out" ]; then
		printf '%s\n%s\n' "$package" "$out"
		failed=1
	fi
done
exit $failed
