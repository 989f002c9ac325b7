#!/bin/bash
# Fetches xterm.js into the standalone's git-ignored folder. Without npm the build works as well, and
# the page says what is missing.
. "$(dirname "$0")/lib.sh"

[ -d examples/standalone ] || exit 0
if ! command -v npm >/dev/null; then
	echo "npm is not installed: the page of the standalone will do without terminals" >&2
	exit 0
fi
step "xterm.js for the page (go generate ./examples/standalone)"
go generate ./examples/standalone
