#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The store's disk is full, frozen, or another program has locked the store: on real filesystems.

load helper

export NO_MOUNT=1
teardown() {
	exec 7>&-
	[ -z "${FROZEN-}" ] || fsfreeze -u "$FROZEN"
	local rc=0
	take_down || rc=1
	return $rc
}
take_down() {
	local rc=0
	check_secrets || rc=1
	stop_if_running
	check_log || rc=1
	cd /
	if mountpoint -q "$T/disk"; then umount "$T/disk" || umount -l "$T/disk"; fi
	rm -rf "$T"
	return $rc
}

# disk TYPE: a filesystem of that type at T/disk, from an image; or the test is skipped.
disk() {
	mkdir disk
	if [ "$1" = tmpfs ]; then
		mount -t tmpfs -o size=16m tmpfs disk
	else
		command -v "mkfs.${1%%-*}" > /dev/null || skip "there is no mkfs.${1%%-*}"
		truncate -s 400M image
		case $1 in
		ext4) mkfs.ext4 -q -m 0 -b 4096 image 64M ;;
		ext4-*) mkfs.ext4 -q -m 0 -b 1024 image 64M ;;
		*) "mkfs.$1" -q image > /dev/null 2>&1 ;;
		esac
		mount -o loop image disk 2> said || skip "no loop device or no $1 here: $(cat said)"
	fi
	mkdir -m 700 disk/d
	S=$T/disk/d/store
}

serve() {
	"$ENROLLFS" -f "$@" "$S" "$M" 2>> "$T/log" 3>&- &
	PID=$!
	wait_until answers
}

# Until not a block is left.
fill() {
	local size
	for size in 1M 64k 4k 512; do
		dd if=/dev/zero of="disk/full.$size" bs=$size 2> /dev/null || :
	done
	sync -f disk
}

# refuses COMMAND...: again and again until there is no space for it.
refuses() {
	local n
	for n in $(seq 3000); do
		"$@" "$n" 2> said && continue
		grep -q 'No space left on device' said || { cat said; return 1; }
		return 0
	done
	echo "was never refused: $*"
	return 1
}
set_max_uses() { bash -c "echo $((100 + $1)) > $K/max_uses"; }
enroll_new() {
	csr "full$1"
	bash -c '{ cat "$1" >&3 && cat <&3; } 3<> "$2"' - "full$1.csr" "$K/enroll" > /dev/null
}
make_key() { mkdir "$G/keys/full$1"; }

# Whole disks: changes are refused, reading goes on, and so does everything once there is space.
full() {
	disk "$1"
	expect_log 'disk full|refused: No space left|could not be closed cleanly'
	serve -o domain=corp.example
	group
	echo max > "$K/max_uses"
	for i in 1 4; do csr "web$i"; done
	enroll_here web1.csr > web1.crt
	cat "$M/certs/connector/crl.pem" > /dev/null
	fill
	refuses set_max_uses
	refuses make_key
	refuses enroll_new
	enrolled=$(cat "$K/uses")
	[ "$(ls "$G/members" | wc -l)" = "$enrolled" ]
	kill -0 "$PID"
	is "$K/uses" "$enrolled"
	cmp web1.crt "$G/members/web1/fullchain.pem"
	cat "$M/tables/keys.tsv" "$M/tables/members.tsv" "$M/certs/connector/crl.pem" "$M/log" > /dev/null
	grep -q 'disk full' log
	# another look at it, as after a power failure: reading needs no block
	kill -9 "$PID"
	wait "$PID" || :
	PID=
	wait_until not mountpoint -q "$M"
	fill
	expect_log 'whose daemon has died|its disk is full|cannot be opened'
	tool fsck "$S"
	serve -o ro
	cmp web1.crt "$G/members/web1/fullchain.pem"
	cat "$M/tables/keys.tsv" "$M/certs/connector/crl.pem" > /dev/null
	is "$K/uses" "$enrolled"
	stop
	tool fsck "$S"
	run timeout 20 "$ENROLLFS" "$S" "$M"
	if [ "$status" = 0 ]; then
		umount "$M"
	else
		[[ $output == *"its disk is full"*"free "*" MiB"* ]] || { echo "$status: $output"; ls -la disk/d; df disk; return 1; }
	fi
	rm disk/full.*
	sync -f disk
	serve
	echo max > "$K/max_uses"
	enroll_here web4.csr > web4.crt
	verifies web4.crt
	stop
	tool fsck "$S"
}

@test "a full disk: ext4" { full ext4; }
@test "a full disk: ext4 with blocks smaller than a page" { full ext4-1k; }
@test "a full disk: xfs" { full xfs; }
@test "a full disk: btrfs" { full btrfs; }
@test "a full disk: tmpfs" { full tmpfs; }

@test "where files share blocks, other programs are kept out, and told so" {
	disk btrfs
	serve -o domain=corp.example
	group
	[ ! -e "$S-shm" ]
	refused 'database is locked' sqlite3 "$S" 'SELECT count(*) FROM prov_key'
	echo 5 > "$K/max_uses"
	# nor does a copy that shares its blocks with it take it down
	cp --reflink=always "$S" disk/d/copy
	fill
	expect_log 'disk full|refused: No space left'
	refuses set_max_uses
	rm disk/full.*
	stop
	# one that was there before keeps us out
	mkfifo lines
	sqlite3 "$S" < lines > reading 3>&- &
	exec 7> lines
	echo 'BEGIN IMMEDIATE; SELECT 1;' >&7
	wait_until [ -s reading ]
	refused 'another program holds a lock' timeout 20 "$ENROLLFS" "$S" "$M"
	exec 7>&-
	serve
	is "$K/max_uses" 5 || [ "$(cat "$K/max_uses")" -gt 100 ]
}

# Files of 80 keys: the kernel lets one writer at a time to each.
many_keys() {
	for i in $(seq 80); do mkdir "$G/keys/k$i"; done
}

# lock: another program's, until descriptor 7 is closed.
lock() {
	mkfifo lines
	sqlite3 "$S" < lines > reading 3>&- &
	exec 7> lines
	echo 'BEGIN IMMEDIATE; SELECT 1;' >&7
	wait_until [ -s reading ]
}

@test "another program's lock: busy with the reason, and readers go on while writers wait" {
	S=$T/store
	expect_log 'another program holds a lock|refused: Device or resource busy'
	serve -o domain=corp.example
	group
	csr web1
	csr web2
	echo max > "$K/max_uses"
	enroll_here web1.csr > web1.crt
	cat "$M/certs/connector/crl.pem" > /dev/null
	many_keys
	lock
	sh_refused 'Device or resource busy' "echo 5 > $K/max_uses"
	refused 'Device or resource busy' mkdir "$G/keys/new"
	refused 'Device or resource busy' cat "$K/key"
	refused 'Device or resource busy' enroll_here web2.csr
	grep -q 'refused: Device or resource busy: .*locked by another program' log
	grep -q 'error: store: .*another program holds a lock' log
	for i in $(seq 80); do
		(until [ -e ./done ]; do bash -c "echo 5 > $G/keys/k$i/max_uses" 2> /dev/null; done) 3>&- 7>&- &
		jobs+=($!)
	done
	for _ in $(seq 20); do
		timeout 10 cat "$K/uses" "$M/tables/keys.tsv" "$G/members/web1/cert.pem" \
			"$M/certs/connector/crl.pem" > /dev/null
	done
	is "$K/max_uses" max
	exec 7>&-
	touch ./done
	wait "${jobs[@]}" || :
	echo 6 > "$K/max_uses"
	enroll_here web2.csr > web2.crt
	stop
	tool fsck "$S"
}

@test "a lock from before the mount is named" {
	S=$T/store
	expect_log 'another program holds a lock'
	serve -o domain=corp.example
	stop
	lock
	refused 'another program holds a lock' timeout 20 "$ENROLLFS" "$S" "$M"
	exec 7>&-
	serve
	stop
	tool fsck "$S"
}

@test "a frozen disk: readers go on, however many wait to write" {
	disk ext4
	expect_log 'refused: Device or resource busy'
	serve -o domain=corp.example
	group
	csr web1
	enroll_here web1.csr > web1.crt
	cat "$M/tables/keys.tsv" "$M/certs/connector/crl.pem" > /dev/null
	many_keys
	FROZEN=$T/disk
	fsfreeze -f disk
	for i in $(seq 80); do
		(bash -c "echo $i > $G/keys/k$i/max_uses" 2>> busy) 3>&- &
		jobs+=($!)
	done
	# those that are not among the first are told, and take no thread from who reads
	wait_until grep -q 'Device or resource busy' busy
	for _ in 1 2 3; do
		timeout 20 cat "$K/uses" "$M/tables/keys.tsv" "$M/tables/members.tsv" "$G/members/web1/cert.pem" \
			"$M/certs/connector/crl.pem" "$M/certs/connector/index.txt" "$M/metrics" > /dev/null
	done
	fsfreeze -u disk
	FROZEN=
	wait "${jobs[@]}" || :
	echo 6 > "$K/max_uses"
	is "$K/max_uses" 6
	stop
	tool fsck "$S"
}

@test "another disk is mounted over the store's: nothing is changed until it is away" {
	expect_log 'is gone or another|refused: Input/output error'
	mkdir disk
	S=$T/disk/store
	serve -o domain=corp.example
	group
	csr web1
	mount -t tmpfs tmpfs disk
	refused 'Input/output error' enroll_here web1.csr
	is "$K/uses" 0
	[ -z "$(ls -A disk)" ]
	umount disk
	enroll_here web1.csr > web1.crt
	stop
	[ ! -e "$S-wal" ]
	tool fsck "$S"
	serve
	cmp web1.crt "$G/members/web1/fullchain.pem"
}
