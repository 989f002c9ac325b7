# Sourced by the other scripts: one working directory, no standard input, and how a step is announced.
set -eu
cd "$(dirname "$0")/.."
exec </dev/null

step() { printf '\n==> %s\n' "$*"; }

# modules prints the folder of every Go module in the repository, "." first.
modules() { git ls-files go.mod '*/go.mod' | xargs -n1 dirname; }
