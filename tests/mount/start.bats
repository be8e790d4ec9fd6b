#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# scripts/start, and what it and mkfs.enrollfs say about the domain.

export NO_MOUNT=1
load helper

# A folder as of a clone, in which all is built.
setup() {
	set_up_mount
	mkdir top
	ln -s "$BATS_TEST_DIRNAME/../../scripts" top/scripts
	ln -s "$(dirname "$ENROLLFS")" top/build
	printf 'all:\n' > top/Makefile
	M=$T/top/mnt
}

starts() { "$@" top/scripts/start > said 2>&1 3>&- || { cat said; return 1; }; }
start_refused() { refused "$1" env "${@:2}" top/scripts/start; }

@test "a new store: the domain that was asked for, or the host's name, and that it is final" {
	host=$(uname -n)
	if [[ $host =~ ^[a-z0-9][a-z0-9.-]*$ ]]; then
		starts env
		grep -Fx "no DOMAIN was given: the domain will be this host's name, $host, for good" said
		grep -F "for the domain $host (this host's name), which cannot be changed later" said
		is "$M/domain" "$host"
		umount "$M"
		wait_until not pgrep -f "$T/top/data/enrollfs.db"
		rm -r top/data
	fi
	starts env DOMAIN=corp.example
	not grep 'no DOMAIN was given' said
	grep -F 'for the domain corp.example (as asked for), which cannot be changed later' said
	grep -Fx 'its domain is corp.example: keys and certificates carry it, and it cannot be changed' said
	is "$M/domain" corp.example
}

@test "mounted already: said with its domain; another domain or store is refused, and changes nothing" {
	starts env DOMAIN=corp.example
	mounts=$(grep -c " $T/[^ ]* fuse.enrollfs" /proc/self/mounts)
	for with in '' DOMAIN=corp.example STORE="$T/top/data/enrollfs.db"; do
		starts env ${with:+"$with"}
		grep -Fx "the store $T/top/data/enrollfs.db is mounted at $M already; its domain is corp.example" said
	done
	start_refused 'its domain cannot be changed to other.example' DOMAIN=other.example
	[ "$status" = 1 ]
	start_refused "STORE is $T/another" STORE="$T/another"
	[ "$status" = 1 ]
	[ ! -e another ]
	is "$M/domain" corp.example
	[ "$(grep -c " $T/[^ ]* fuse.enrollfs" /proc/self/mounts)" = "$mounts" ]
}

@test "a store of another domain than DOMAIN is not mounted" {
	starts env DOMAIN=corp.example
	umount "$M"
	wait_until not pgrep -f "$T/top/data/enrollfs.db"
	start_refused 'its domain is corp.example and cannot be changed to other.example' DOMAIN=other.example
	not mountpoint -q "$M"
	starts env
	grep -Fx 'its domain is corp.example: keys and certificates carry it, and it cannot be changed' said
}

@test "mkfs.enrollfs says which domain a store has, also a restored one" {
	M=$T/m
	run "${ENROLLFS%/*}/mkfs.enrollfs" --domain corp.example store
	[ "$status" = 0 ]
	[[ $output = *'for the domain corp.example (as asked for), which cannot be changed later' ]]
	start
	cp -r "$M/export" copy
	stop
	rm store
	lent copy
	run "${ENROLLFS%/*}/mkfs.enrollfs" --from copy store
	[ "$status" = 0 ]
	[[ $output = *' records, domain corp.example' ]]
}
