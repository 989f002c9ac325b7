#!/bin/bash
# Installs what the tests drive and the machine lacks: servers, a browser and a C compiler for the
# race detector. Nothing is touched when every binary is there. The tests start their own instances
# on free ports with their own configuration, so no service of the machine is used or changed.
. "$(dirname "$0")/lib.sh"

PATH=$PATH:/usr/sbin:/sbin

# have says whether one of the given binaries (names or glob patterns of paths) exists.
have() {
	local candidate
	for candidate in "$@"; do
		case $candidate in
		*/*) compgen -G "$candidate" >/dev/null && return 0 ;;
		*) command -v "$candidate" >/dev/null && return 0 ;;
		esac
	done
	return 1
}

missing=()
need() { # need PACKAGES BINARY…
	local packages=$1
	shift
	have "$@" || missing+=($packages)
}

need nginx nginx
need chromium chromium
need prometheus promtool
need postgresql '/usr/lib/postgresql/*/bin/postgres'
need websocketd websocketd
need logrotate logrotate
need "gcc libc6-dev" gcc
need "nodejs npm" npm
need procps ps
need iproute2 ip
need iptables iptables
need systemd systemd-analyze

[ ${#missing[@]} -gt 0 ] || exit 0

step "installing ${missing[*]}"
if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
	echo "these Debian packages are missing: ${missing[*]}" >&2
	echo "install them, or run this as root on Debian" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=300 update -qq
apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
